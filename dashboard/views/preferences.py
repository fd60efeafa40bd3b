"""What a person chooses for the whole console: the organization in view, the theme, the language."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people, policies
from accounts.actor import Actor
from accounts.models import Organization, User
from billing import opening
from dashboard.access import choose, current_membership, logged_in
from dashboard.context import THEMES
from dashboard.language import known

_YEAR = 60 * 60 * 24 * 365


@require_POST
@logged_in
def switch(request: HttpRequest, organization: str) -> HttpResponse:
    """Look at another organization; one that the person does not belong to does not exist."""
    own = Organization.objects.filter(memberships__user=request.user.pk)
    choose(request, get_object_or_404(own, public_id=organization.replace("\0", "")))
    return redirect("dashboard:overview")


@require_POST
def theme(request: HttpRequest, name: str) -> HttpResponse:
    """Keep the theme in a cookie, so that the server can render it."""
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = redirect(target)
    if name in THEMES:
        response.set_cookie("theme", name, max_age=_YEAR, samesite="Lax", httponly=True)
    return response


@require_http_methods(["GET", "POST"])
def language(request: HttpRequest, code: str) -> HttpResponse:
    """Keep the language in a cookie; by POST, for who is logged in, in the profile as well."""
    given = request.POST if request.method == "POST" else request.GET
    target = given.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = redirect(target)
    if known(code):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, max_age=_YEAR, samesite="Lax", httponly=True)
        if request.method == "POST" and isinstance(user := request.user, User):
            by = Actor(user, address=request.META.get("REMOTE_ADDR", ""))
            people.change_profile(user, by, name=user.name, time_zone=user.time_zone, language=code)
    return response


@never_cache
@require_safe
@logged_in
def two_factor_needed(request: HttpRequest) -> HttpResponse:
    """For members of an organization that asks for a second factor which they do not have yet."""
    membership = current_membership(request)
    if membership is None or not policies.lacks_factor(membership):
        return redirect("dashboard:overview")
    others = Organization.objects.filter(memberships__user=membership.user).exclude(pk=membership.organization_id)
    context = {"asking": membership.organization, "others": others}
    return render(request, "dashboard/two_factor_needed.html", context)


@logged_in
def welcome(request: HttpRequest) -> HttpResponse:
    """For people who belong to no organization (any more): open one."""
    if current_membership(request) is not None:
        return redirect("dashboard:overview")
    if request.method == "POST":
        name = " ".join(request.POST.get("name", "").split())
        try:
            opening.open_first_organization(request.user, name)  # type: ignore[arg-type]
        except ValidationError as error:
            return render(request, "dashboard/welcome.html", {"name": name, "error": error.messages[0]}, status=422)
        return redirect("dashboard:overview")
    return render(request, "dashboard/welcome.html")
