"""/v1/organization/users and /invites in OpenAI's shapes. Their owner is our admin, their reader all other roles."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import invitations, members
from accounts.idempotency import Answer
from accounts.models import Invitation, Membership
from accounts.roles import Role
from api import faults
from api.members import InvitationDoor
from api.openai_door import OWNER, READER, AfterQuery, OpenAIDoor, asked_of, found, role_of, seconds
from api.openai_projects import project_of
from api.strict import Strict

_ROLES = [OWNER, READER]


class UsersQuery(AfterQuery):
    emails = serializers.ListField(child=serializers.CharField(max_length=254), required=False, max_length=100)


class UserIn(Strict):
    role = serializers.ChoiceField(_ROLES)


class InviteProject(serializers.Serializer):
    id = serializers.CharField(max_length=40)
    role = serializers.ChoiceField(["member", "owner"])


class InviteIn(Strict):
    email = serializers.CharField(max_length=254)
    role = serializers.ChoiceField(_ROLES)
    projects = InviteProject(many=True, required=False)


class _UserDoor(OpenAIDoor):
    def members(self) -> Any:
        """Everybody in the organization."""
        return self.caller.organization.memberships.select_related("user", "organization")

    def member(self, user_id: str) -> Membership:
        """One of them; an owner of ours may not be changed by a key."""
        membership: Membership = found(self.members(), "user", user__public_id=user_id)
        if self.request.method not in ("GET", "HEAD") and not members.may_change(Role.ADMIN, membership):
            raise faults.forbidden("Only an owner, logged in, may change or remove owners.")
        return membership


@extend_schema(exclude=True)
class Users(_UserDoor):
    def get(self, request: Request) -> Response:
        """Members."""
        asked = asked_of(UsersQuery, request)
        rows = self.members()
        if wanted := asked.get("emails"):
            rows = rows.filter(user__email__in=wanted)
        return self.listed(rows, asked, lambda page: [_user(one) for one in page], "user__public_id")


@extend_schema(exclude=True)
class OneUser(_UserDoor):
    def get(self, request: Request, user_id: str) -> Response:
        """One of them."""
        return Response(_user(self.member(user_id)))

    def post(self, request: Request, user_id: str) -> Response:
        """Another role: `owner` makes an admin, `reader` a viewer, unless the role says as much already."""
        membership = self.member(user_id)
        role = asked_of(UserIn, request)["role"]

        def work() -> Answer:
            if role_of(membership.role) != role:
                members.change_role(membership, Role.ADMIN if role == OWNER else Role.VIEWER, self.caller.actor)
            return Answer(200, _user(found(self.members(), "user", user__public_id=user_id)))

        return self.once(request, work)

    def delete(self, request: Request, user_id: str) -> Response:
        """End the membership."""
        members.remove(self.member(user_id), self.caller.actor)
        return Response({"object": "organization.user.deleted", "id": user_id, "deleted": True})


class _InviteDoor(InvitationDoor, OpenAIDoor):
    def every(self) -> Any:
        """Open, accepted and expired ones."""
        return self.caller.organization.invitations.prefetch_related("projects")


@extend_schema(exclude=True)
class Invites(_InviteDoor):
    def get(self, request: Request) -> Response:
        """Invitations."""
        return self.listed(self.every(), asked_of(AfterQuery, request), lambda page: [_invite(one) for one in page])

    def post(self, request: Request) -> Response:
        """Invite an `owner` as admin, a `reader` as developer of the projects that are named, else as viewer."""
        asked = asked_of(InviteIn, request)
        chosen = [project_of(self.caller, one["id"]) for one in asked.get("projects", ())]
        role = Role.ADMIN if asked["role"] == OWNER else Role.DEVELOPER if chosen else Role.VIEWER
        sender = self.sender(role)
        where = chosen if role == Role.DEVELOPER else []

        def work() -> Answer:
            invited = invitations.invite(
                self.caller.organization, asked["email"], role, self.caller.actor, projects=where, sender=sender
            )
            self.mailed(request, invited)
            return Answer(200, _invite(invited.invitation))

        return self.once(request, work)


@extend_schema(exclude=True)
class Invite(_InviteDoor):
    def get(self, request: Request, invitation_id: str) -> Response:
        """One of them."""
        return Response(_invite(found(self.every(), "invite", public_id=invitation_id)))

    def delete(self, request: Request, invitation_id: str) -> Response:
        """Take an open one back."""
        invitations.withdraw(self.invitation(invitation_id), self.caller.actor)
        return Response({"object": "organization.invite.deleted", "id": invitation_id, "deleted": True})


def _user(membership: Membership) -> dict[str, Any]:
    return {
        "object": "organization.user",
        "id": membership.user.public_id,
        "name": membership.user.name or membership.user.email,
        "email": membership.user.email,
        "role": role_of(membership.role),
        "added_at": seconds(membership.created_at),
    }


def _invite(invitation: Invitation) -> dict[str, Any]:
    if invitation.accepted_at:
        status = "accepted"
    else:
        status = "expired" if invitation.expires_at <= timezone.now() else "pending"
    projects = sorted(invitation.projects.all(), key=lambda one: one.pk)
    return {
        "object": "organization.invite",
        "id": invitation.public_id,
        "email": invitation.email,
        "role": role_of(invitation.role),
        "status": status,
        "created_at": seconds(invitation.sent_at),
        "invited_at": seconds(invitation.sent_at),
        "expires_at": seconds(invitation.expires_at),
        "accepted_at": seconds(invitation.accepted_at),
        "projects": [{"id": one.public_id, "role": "member"} for one in projects],
    }
