"""Members: list, roles, removing, leaving, handing over ownership."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts import members
from accounts.models import Membership
from accounts.roles import Permission, Role
from dashboard import member_rows
from dashboard.access import Desk, member, refuse
from dashboard.form_errors import add_errors
from dashboard.member_forms import RoleForm, TransferForm
from dashboard.views.members_invited import new_form


def _find(desk: Desk, public_id: str) -> Membership:
    """A member of the organization in view; anybody else does not exist."""
    found = desk.organization.memberships.select_related("user", "organization").filter(user__public_id=public_id)
    membership = found.first()
    if membership is None:
        raise Http404
    return membership


def _may_change(desk: Desk, other: Membership) -> bool:
    return members.may_change(desk.membership.role, other)


@require_safe
@member()
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Everybody in the organization; who manages members sees invitations as well."""
    manages = desk.may(Permission.MANAGE_MEMBERS)
    rows = member_rows.rows(desk)
    context = {
        "rows": rows,
        "manages": manages,
        "alone": len(rows) == 1,
        "invitations": member_rows.open_invitations(desk) if manages else [],
        "form": new_form(desk) if manages else None,
    }
    return render(request, "dashboard/members.html", context)


@member(Permission.MANAGE_MEMBERS)
def change_role(request: HttpRequest, desk: Desk, user: str) -> HttpResponse:
    """Another role; only owners make owners or change them."""
    found = _find(desk, user)
    roles = members.roles_to_give(desk.membership.role)
    makes_owner = request.method == "POST" and request.POST.get("role") == Role.OWNER
    if not _may_change(desk, found) or (makes_owner and Role.OWNER not in roles):
        return refuse(request, desk, Permission.MANAGE_OWNERS)
    own = members.own_keys(found)
    stops = {role.value: len(members.keys_beyond(found, role, own)) for role in roles if role != found.role}
    form = RoleForm(request.POST or None, roles=roles, stops=stops, initial={"role": found.role})
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                stopped = members.change_role(found, form.cleaned_data["role"], desk.actor(request))
            except members.LastOwner as error:
                add_errors(form, error)
                status = 403
            else:
                said = _("%(name)s is %(role)s now.") % {
                    "name": found.user.get_full_name(),
                    "role": Role(form.cleaned_data["role"]).label,
                }
                messages.success(request, f"{said} {_stopped(stopped)}".strip())
                return redirect("dashboard:members")
        else:
            status = 422
    context = {"other": found, "form": form, "is_self": found.user_id == desk.user.pk}
    return render(request, "dashboard/member_role.html", context, status=status)


def _stopped(number: int) -> str:
    if not number:
        return ""
    return ngettext("%(n)d key was revoked.", "%(n)d keys were revoked.", number) % {"n": number}


@member(Permission.MANAGE_MEMBERS)
def remove(request: HttpRequest, desk: Desk, user: str) -> HttpResponse:
    """Say what stops, then end the membership."""
    found = _find(desk, user)
    if not _may_change(desk, found):
        return refuse(request, desk, Permission.MANAGE_OWNERS)
    if found.user_id == desk.user.pk:
        return redirect("dashboard:member-leave")
    error = ""
    if request.method == "POST":
        try:
            stopped = members.remove(found, desk.actor(request))
        except ValidationError as refused:
            error = " ".join(refused.messages)
        else:
            said = _("%(name)s is no longer a member.") % {"name": found.user.get_full_name()}
            messages.success(request, f"{said} {_stopped(stopped)}".strip())
            return redirect("dashboard:members")
    return _ask(request, "dashboard/member_remove.html", found, error)


@member()
def leave(request: HttpRequest, desk: Desk) -> HttpResponse:
    """End one's own membership; the last owner cannot."""
    error = ""
    if request.method == "POST":
        try:
            members.leave(desk.membership, desk.actor(request))
        except ValidationError as refused:
            error = " ".join(refused.messages)
        else:
            messages.success(request, _("You left %(name)s.") % {"name": desk.organization.name})
            return redirect("dashboard:overview")
    return _ask(request, "dashboard/member_leave.html", desk.membership, error)


def _ask(request: HttpRequest, template: str, membership: Membership, error: str) -> HttpResponse:
    """The page before an end: own keys stop, the project's keys that the person made keep working."""
    made = membership.organization.api_keys.visible().not_revoked().filter(owner=None, created_by=membership.user)
    context = {
        "other": membership,
        "error": error,
        "own_keys": len(members.own_keys(membership)),
        "project_keys": made.count(),
        "is_last_owner": members.is_last_owner(membership),
    }
    return render(request, template, context, status=403 if error else 200)


@member(Permission.MANAGE_OWNERS)
@reauthentication_required(app="dashboard")  # type: ignore[untyped-decorator]
def transfer(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Make somebody else the owner and oneself an admin; asks for the password first."""
    others = desk.organization.memberships.select_related("user").exclude(pk=desk.membership.pk)
    people = sorted(others.filter(user__is_active=True), key=lambda one: one.user.get_full_name().casefold())
    form = TransferForm(request.POST or None, people=people)
    if request.method == "POST" and form.is_valid():
        to = form.people[form.cleaned_data["member"]]
        try:
            members.transfer(desk.membership, to, desk.actor(request))
        except ValidationError as error:
            add_errors(form, error)
        else:
            said = _("%(name)s owns %(organization)s now; you are an admin.")
            messages.success(request, said % {"name": to.user.get_full_name(), "organization": desk.organization.name})
            return redirect("dashboard:members")
    context = {"form": form, "people": people}
    return render(request, "dashboard/member_transfer.html", context, status=422 if form.errors else 200)
