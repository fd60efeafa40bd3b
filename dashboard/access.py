"""Which organization a person is looking at, and whether the role allows it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from accounts import policies, reach
from accounts.actor import Actor
from accounts.models import ApiKey, Membership, Organization, Project, User
from accounts.roles import Permission, Role, allows

_SESSION = "organization"
# Which organization the page of a form showed; see templatetags/form_marks.py.
FORM_FIELD = "in_organization"
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Desk:
    """A person at work in one organization."""

    user: User
    membership: Membership

    @property
    def organization(self) -> Organization:
        return self.membership.organization

    def may(self, permission: Permission) -> bool:
        """Whether the person's role has the permission."""
        return allows(self.membership.role, permission)

    @property
    def sees_money(self) -> bool:
        return self.may(Permission.SEE_MONEY)

    def actor(self, request: HttpRequest) -> Actor:
        """Who is named in the audit log."""
        return Actor(self.user, address=request.META.get("REMOTE_ADDR", ""))

    def projects(self) -> list[Project]:
        """The projects whose usage the person may see, archived ones included."""
        return reach.projects(self.membership)

    def may_manage(self, api_key: ApiKey) -> bool:
        """Every key, or one's own and the project's."""
        return reach.may_manage(self.membership, api_key)


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership that the sent form was made for, else the one chosen in this session, else the oldest one."""
    if not request.user.is_authenticated:
        return None
    found = list(
        Membership.objects.select_related("organization", "user").filter(user=request.user).order_by("created_at", "pk")
    )
    own = {one.organization.public_id: one for one in found}
    for chosen in (request.POST.get(FORM_FIELD), request.session.get(_SESSION)):
        if chosen in own:
            return own[chosen]
    return found[0] if found else None


def choose(request: HttpRequest, organization: Organization) -> None:
    """Look at this organization from now on."""
    request.session[_SESSION] = organization.public_id


def _stay(request: HttpRequest, organization: Organization) -> None:
    """Go on in the organization of the sent form, whatever another tab switched to; 404 when the person left it."""
    asked = request.POST.get(FORM_FIELD)
    if asked and asked != organization.public_id:
        raise Http404
    if asked and request.session.get(_SESSION) != asked:
        choose(request, organization)


def _log_in(request: HttpRequest) -> HttpResponse:
    """To the log-in and back. A form that came too late leads back to its page: its own address may answer no GET."""
    if not request.POST:
        return redirect_to_login(request.get_full_path())
    messages.error(request, _("You were logged out, so nothing was changed. Log in and send it again."))
    page = request.headers.get("referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return redirect_to_login("/")
    return redirect_to_login(urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl())


def logged_in(view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view for people who are logged in; others log in first."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, *args, **kwargs) if request.user.is_authenticated else _log_in(request)

    return guarded


View = Callable[Concatenate[HttpRequest, Desk, P], HttpResponseBase]


def member(permission: Permission | None = None) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """A view for members: it gets the Desk; a role without the permission gets the no-permission page."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        @logged_in
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if any("\0" in str(value) for value in kwargs.values()):
                # PostgreSQL does not even look for it.
                raise Http404
            membership = current_membership(request)
            if membership is None:
                return redirect("dashboard:welcome")
            _stay(request, membership.organization)
            if policies.lacks_factor(membership):
                return redirect("dashboard:two-factor-needed")
            desk = Desk(request.user, membership)  # type: ignore[arg-type]
            if permission is not None and not desk.may(permission):
                return refuse(request, desk, permission)
            return view(request, desk, *args, **kwargs)

        return guarded

    return decorate


def refuse(request: HttpRequest, desk: Desk, permission: Permission) -> HttpResponse:
    """What the role lacks and whom to ask."""
    owner = desk.organization.memberships.filter(role=Role.OWNER).select_related("user").first()
    context = {"permission": permission.label, "role": desk.membership.get_role_display(), "owner": owner}
    return render(request, "403.html", context, status=403)
