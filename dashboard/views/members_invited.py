"""Invitations as those see them who send them: invite, send again, withdraw."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import invitation_mail, invitations, members
from accounts.models import Invitation
from accounts.roles import Permission, Role
from dashboard.access import Desk, member, refuse
from dashboard.member_forms import InviteForm
from foundation.addresses import absolute


def new_form(desk: Desk, data: Any = None) -> InviteForm:
    """The form with the roles that the person may give."""
    projects = [project for project in desk.projects() if project.archived_at is None]
    return InviteForm(data, roles=members.roles_to_give(desk.membership.role), projects=projects)


def _find(desk: Desk, public_id: str) -> Invitation:
    """An open invitation of the organization in view; anything else does not exist."""
    found = desk.organization.invitations.filter(public_id=public_id, accepted_at=None).first()
    if found is None:
        raise Http404
    return found


def _may_give(desk: Desk, role: str) -> bool:
    return role in members.roles_to_give(desk.membership.role)


@member(Permission.MANAGE_MEMBERS)
def invite(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Invite one or several people; those who cannot be invited are named, the others are."""
    role = request.POST.get("role", "")
    if role in Role.values and not _may_give(desk, role):
        return refuse(request, desk, Permission.MANAGE_OWNERS)
    form = new_form(desk, request.POST or None)
    if request.method == "POST" and form.is_valid():
        left = _invite_each(request, desk, form)
        if not left:
            return redirect("dashboard:members")
        # Who was invited is done: the field keeps only the others.
        data = request.POST.copy()
        data["emails"] = "\n".join(left)
        form = new_form(desk, data)
        form.is_valid()
        form.add_error("emails", list(dict.fromkeys(left.values())))
    context = {"form": form}
    return render(request, "dashboard/member_invite.html", context, status=422 if form.errors else 200)


def _invite_each(request: HttpRequest, desk: Desk, form: InviteForm) -> dict[str, str]:
    """Errors by the address that could not be invited."""
    left: dict[str, str] = {}
    sent: list[str] = []
    projects = form.chosen_projects()
    for email in form.cleaned_data["emails"]:
        try:
            made = invitations.invite(
                desk.organization, email, form.cleaned_data["role"], desk.actor(request), projects=projects
            )
        except ValidationError as error:
            left[email] = " ".join(error.messages)
        else:
            sent.append(email)
            _mail(request, made)
    if sent:
        said = ngettext("Invitation sent to %(who)s.", "Invitations sent to %(who)s.", len(sent))
        messages.success(request, said % {"who": ", ".join(sent)})
    return left


def _mail(request: HttpRequest, made: invitations.Invited) -> None:
    link = absolute(request, reverse("dashboard:join", args=[made.secret]))
    if not invitation_mail.send(made, link):
        said = _("The mail to %(email)s could not be sent. Send the invitation again later.")
        messages.error(request, said % {"email": made.invitation.email})


@require_POST
@member(Permission.MANAGE_MEMBERS)
def resend(request: HttpRequest, desk: Desk, invitation: str) -> HttpResponse:
    """A new link for seven days; the old one stops working."""
    found = _find(desk, invitation)
    if not _may_give(desk, found.role):
        return refuse(request, desk, Permission.MANAGE_OWNERS)
    try:
        made = invitations.resend(found, desk.actor(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        said = _("Sent again to %(email)s. The link of the earlier mail no longer works.")
        messages.success(request, said % {"email": found.email})
        _mail(request, made)
    return redirect("dashboard:members")


@require_POST
@member(Permission.MANAGE_MEMBERS)
def withdraw(request: HttpRequest, desk: Desk, invitation: str) -> HttpResponse:
    """Take an invitation back."""
    found = _find(desk, invitation)
    if not _may_give(desk, found.role):
        return refuse(request, desk, Permission.MANAGE_OWNERS)
    try:
        invitations.withdraw(found, desk.actor(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The invitation of %(email)s no longer works.") % {"email": found.email})
    return redirect("dashboard:members")
