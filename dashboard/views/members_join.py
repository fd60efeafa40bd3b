"""The page behind an invitation's link: join with an account, or open one."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts import invitations
from accounts.actor import Actor
from accounts.models import Invitation, Membership, User
from dashboard.access import choose
from dashboard.form_errors import add_errors
from dashboard.member_forms import JoinForm


@never_cache
def join(request: HttpRequest, secret: str) -> HttpResponseBase:
    """What to do depends on who opens the link; a POST joins."""
    invitation = invitations.find(secret)
    if invitation is None:
        return _gone(request, _("This invitation was withdrawn, or sent again with another link."))
    try:
        invitations.check(invitation)
    except invitations.NotValid as error:
        return _gone(request, " ".join(error.messages))
    if isinstance(request.user, User):
        if not invitations.is_for(invitation, request.user):
            return _page(request, invitation, "other", status=403 if request.method == "POST" else 200)
        return _accept(request, invitation, request.user)
    if invitations.holder(invitation.email):
        return _page(request, invitation, "log_in", login_url=f"{reverse('account_login')}?next={request.path}")
    return _open_account(request, invitation)


def _page(
    request: HttpRequest, invitation: Invitation, state: str, *, status: int = 200, **more: object
) -> HttpResponse:
    context = {"invitation": invitation, "state": state, **more}
    return render(request, "dashboard/join.html", context, status=status)


def _gone(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "dashboard/join_gone.html", {"reason": reason}, status=410)


def _actor(request: HttpRequest, user: User) -> Actor:
    return Actor(user, address=request.META.get("REMOTE_ADDR", ""))


def _accept(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponseBase:
    if request.method != "POST":
        return _page(request, invitation, "accept")
    try:
        membership = invitations.accept(invitation, user, _actor(request, user))
    except ValidationError as error:
        return _gone(request, " ".join(error.messages))
    return _welcome(request, membership)


def _open_account(request: HttpRequest, invitation: Invitation) -> HttpResponseBase:
    form = JoinForm(request.POST or None, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            membership = invitations.open_account(
                invitation, data["name"], data["password"], data["time_zone"], request.META.get("REMOTE_ADDR", "")
            )
        except invitations.NotValid as error:
            return _gone(request, " ".join(error.messages))
        except ValidationError as error:
            add_errors(form, error)
        else:
            answer = perform_login(request, membership.user, redirect_url=reverse("dashboard:overview"))
            choose(request, membership.organization)
            _say_welcome(request, membership)
            return answer
    return _page(request, invitation, "open", form=form, status=422 if form.errors else 200)


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    choose(request, membership.organization)
    _say_welcome(request, membership)
    return redirect("dashboard:overview")


def _say_welcome(request: HttpRequest, membership: Membership) -> None:
    said = _("Welcome to %(name)s. Your role is %(role)s.")
    messages.success(request, said % {"name": membership.organization.name, "role": membership.get_role_display()})
