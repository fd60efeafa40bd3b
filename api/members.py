"""/api/v1/members and /api/v1/invitations: who is in the organization, and who is asked to come."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import invitation_mail, invitations, members
from accounts.idempotency import Answer
from accounts.invitations import Invited
from accounts.models import Invitation, Membership, Project, User
from accounts.roles import Permission, Role
from api import faults, numbered
from api.door import Door
from api.envelopes import RemovedOut
from api.key_serializers import Nothing
from api.once import ONCE
from api.organization_serializers import (
    EndedOut,
    InvitationCreate,
    InvitationListOut,
    MemberChange,
    MemberChangedOut,
    MemberListOut,
    MemberOut,
    SentOut,
    shown_invitation,
    shown_member,
)
from api.paging import PageQuery
from api.schema import ERRORS
from foundation.addresses import absolute

_MANAGES = (Permission.MANAGE_MEMBERS,)
# The address of an invitation is a page's, wherever this API is mounted.
_PAGES = "config.urls"


class _PeopleDoor(Door):
    @property
    def role(self) -> str:
        """As what the caller acts: a key that manages is an admin."""
        return self.caller.membership.role if self.caller.membership else Role.ADMIN

    def may_give(self, role: str) -> None:
        """403 for a role that the caller may not give or take."""
        if role not in members.roles_to_give(self.role):
            raise faults.forbidden("Only an owner, logged in, may make, change or remove owners.")

    def member(self, user_id: str) -> Membership:
        """A member of the organization; else 404."""
        rows = self.caller.organization.memberships.select_related("user", "organization")
        found = rows.filter(user__public_id=user_id).first()
        if found is None:
            raise faults.not_found("member")
        return found


class Members(_PeopleDoor):
    @extend_schema(operation_id="members_list", parameters=[PageQuery], responses={200: MemberListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Everybody in the organization with their role, newest first."""
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = self.caller.organization.memberships.select_related("user")
        asked = query.validated_data
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "member")
        return Response({"object": "list", "data": [shown_member(one) for one in found], **around})


class Member(_PeopleDoor):
    needs = {"PATCH": _MANAGES, "DELETE": _MANAGES}

    @extend_schema(operation_id="members_get", responses={200: MemberOut, **ERRORS})
    def get(self, request: Request, user_id: str) -> Response:
        """One member."""
        return Response(shown_member(self.member(user_id)))

    @extend_schema(operation_id="members_change", request=MemberChange, responses={200: MemberChangedOut, **ERRORS})
    def patch(self, request: Request, user_id: str) -> Response:
        """Give another role, which holds from the next request on; own keys beyond it are revoked."""
        found = self.member(user_id)
        body = MemberChange(data=request.data)
        body.is_valid(raise_exception=True)
        role = body.validated_data["role"]
        self.may_give(found.role)
        self.may_give(role)
        with self.edit(request, lambda: self.member(user_id), shown_member) as found:
            stopped = members.change_role(found, role, self.caller.actor)
        return Response({**shown_member(self.member(user_id)), "keys_revoked": stopped})

    @extend_schema(operation_id="members_remove", responses={200: EndedOut, **ERRORS})
    def delete(self, request: Request, user_id: str) -> Response:
        """End a membership: the person's own keys are revoked, keys of projects keep working."""
        found = self.member(user_id)
        self.may_give(found.role)
        with self.edit(request, lambda: self.member(user_id), shown_member) as found:
            stopped = members.remove(found, self.caller.actor)
        return Response({"object": "member", "id": user_id, "deleted": True, "keys_revoked": stopped})


class InvitationDoor(_PeopleDoor):
    """What routes on invitations have in common."""

    def open(self) -> Any:
        """Invitations that were not accepted yet."""
        return self.caller.organization.invitations.filter(accepted_at=None).prefetch_related("projects")

    def invitation(self, invitation_id: str) -> Invitation:
        """An open invitation, of a role that the caller may give; else 404 or 403."""
        found: Invitation | None = self.open().filter(public_id=invitation_id).first()
        if found is None:
            raise faults.not_found("invitation")
        self.may_give(found.role)
        return found

    def sender(self, role: str) -> User | None:
        """Who stands for the invitation: an invitation is worth what its sender may do, also where a script sends."""
        if self.caller.membership or self.caller.api_key is None:
            return self.caller.actor.user
        maker = self.caller.api_key.owner or self.caller.api_key.created_by
        found = self.caller.organization.memberships.filter(user=maker, user__is_active=True).first()
        if maker is None or found is None or role not in members.roles_to_give(found.role):
            raise faults.forbidden(
                "An invitation needs a sender: who made this key is no longer somebody who may invite. Make a new key."
            )
        return maker

    def mailed(self, request: Request, invited: Invited) -> dict[str, Any]:
        """Send the mail, and say whether it went."""
        link = absolute(request, reverse("dashboard:join", args=[invited.secret], urlconf=_PAGES))
        return {**shown_invitation(invited.invitation), "mail_sent": invitation_mail.send(invited, link)}


class Invitations(InvitationDoor):
    needs = {"GET": _MANAGES, "POST": _MANAGES}

    @extend_schema(
        operation_id="invitations_list", parameters=[PageQuery], responses={200: InvitationListOut, **ERRORS}
    )
    def get(self, request: Request) -> Response:
        """Invitations that wait for an answer, newest first; expired ones too."""
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        # An invitation that was taken back is gone: only a number still says where it was.
        found, around = numbered.page(self.open(), asked["limit"], asked.get("cursor"), "invitation")
        return Response({"object": "list", "data": [shown_invitation(one) for one in found], **around})

    @extend_schema(
        operation_id="invitations_create",
        parameters=ONCE,
        request=InvitationCreate,
        responses={201: SentOut, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Invite somebody by e-mail; the link in it works once, for seven days."""
        body = InvitationCreate(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        self.may_give(asked["role"])
        chosen = self._projects(asked["project_ids"])
        sender = self.sender(asked["role"])

        def work() -> Answer:
            invited = invitations.invite(
                self.caller.organization,
                asked["email"],
                asked["role"],
                self.caller.actor,
                projects=chosen,
                sender=sender,
            )
            return Answer(201, self.mailed(request, invited))

        return self.once(request, work)

    def _projects(self, ids: list[str]) -> list[Project]:
        known = {one.public_id: one for one in self.caller.projects() if one.archived_at is None}
        if any(one not in known for one in ids):
            raise faults.not_found("project", "project_ids")
        return [known[one] for one in ids]


class OneInvitation(InvitationDoor):
    needs = {"DELETE": _MANAGES}

    @extend_schema(operation_id="invitations_withdraw", responses={200: RemovedOut, **ERRORS})
    def delete(self, request: Request, invitation_id: str) -> Response:
        """Take an invitation back: its link stops working."""
        with self.edit(request, lambda: self.invitation(invitation_id), shown_invitation) as found:
            invitations.withdraw(found, self.caller.actor)
        return Response({"object": "invitation", "id": invitation_id, "deleted": True})


class Resend(InvitationDoor):
    needs = {"POST": _MANAGES}

    @extend_schema(
        operation_id="invitations_resend", parameters=ONCE, request=Nothing, responses={200: SentOut, **ERRORS}
    )
    def post(self, request: Request, invitation_id: str) -> Response:
        """Send a new link for seven days; the old one stops working."""
        found = self.invitation(invitation_id)
        sender = self.sender(found.role)

        def work() -> Answer:
            return Answer(200, self.mailed(request, invitations.resend(found, self.caller.actor, sender=sender)))

        return self.once(request, work)
