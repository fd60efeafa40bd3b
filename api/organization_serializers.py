"""Organization, projects, people and the record of changes as JSON: what goes out, and what comes in."""

from typing import Any

from rest_framework import serializers

from accounts.models import AuditEntry, Invitation, Membership, Organization, Project
from accounts.policies import MOST_DOMAINS
from accounts.roles import Role
from api.envelopes import ListOut, RemovedOut
from api.instant import Instant, instant
from api.paging import PageQuery
from api.strict import Strict
from foundation.money import usd_string

_STATES = ("active", "archived")
# Recorded by its number, which here as elsewhere stands behind `grant_`.
GRANT = "CreditGrant"


class OrganizationDetailOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    time_zone = serializers.CharField(help_text="IANA zone of days, months and limits.")
    created_at = Instant()
    suspended_at = Instant(allow_null=True)
    secrets_can_be_copied = serializers.BooleanField(help_text="Whether new secrets are also kept encrypted.")
    allowed_domains = serializers.ListField(
        child=serializers.CharField(), help_text="Domains of the addresses that may join; none: everybody invited."
    )
    requires_two_factor = serializers.BooleanField(help_text="Whether members must log in with a second factor.")


class OrganizationChange(Strict):
    name = serializers.CharField(max_length=100, required=False)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="IANA zone, such as Europe/Berlin.")
    allowed_domains = serializers.ListField(
        child=serializers.CharField(max_length=253),
        max_length=MOST_DOMAINS,
        required=False,
        help_text="Replaces all; an empty list lets everybody join who is invited.",
    )
    requires_two_factor = serializers.BooleanField(
        required=False, help_text="Members without one are led to set it up. API keys keep working."
    )


class ProjectOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(_STATES, help_text="The keys of an archived project are refused.")
    created_at = Instant()
    archived_at = Instant(allow_null=True)


class ProjectListOut(ListOut):
    data = ProjectOut(many=True)  # type: ignore[assignment]


class ProjectQuery(PageQuery):
    status = serializers.ChoiceField(_STATES, required=False, help_text="Without it both.")


class ProjectName(Strict):
    name = serializers.CharField(max_length=64)


class MemberOut(serializers.Serializer):
    object = serializers.CharField()
    user_id = serializers.CharField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    since = Instant()


class MemberListOut(ListOut):
    data = MemberOut(many=True)  # type: ignore[assignment]


class MemberChange(Strict):
    role = serializers.ChoiceField(Role.choices)


class MemberChangedOut(MemberOut):
    keys_revoked = serializers.IntegerField(help_text="Own keys that the new role could not make.")


class EndedOut(RemovedOut):
    keys_revoked = serializers.IntegerField(help_text="Own keys of the person that stopped.")


class DeveloperOut(serializers.Serializer):
    object = serializers.CharField()
    project_id = serializers.CharField()
    user_id = serializers.CharField()
    email = serializers.EmailField()
    name = serializers.CharField()
    since = Instant()


class DeveloperListOut(ListOut):
    data = DeveloperOut(many=True)  # type: ignore[assignment]


class DeveloperAdd(Strict):
    user_id = serializers.CharField(max_length=40, help_text="Of a member of the organization.")


class InvitationOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(Role.choices)
    project_ids = serializers.ListField(child=serializers.CharField(), help_text="Where a developer will work.")
    sent_at = Instant()
    expires_at = Instant()


class SentOut(InvitationOut):
    mail_sent = serializers.BooleanField(help_text="False: the mail server did not take it; send it again later.")


class InvitationListOut(ListOut):
    data = InvitationOut(many=True)  # type: ignore[assignment]


class InvitationCreate(Strict):
    email = serializers.CharField(max_length=254)
    role = serializers.ChoiceField(Role.choices, default=Role.DEVELOPER)
    project_ids = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=200, default=list, help_text="For developers."
    )


class AuditEntryOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    at = Instant()
    action = serializers.CharField(help_text="Such as key.regenerated.")
    actor_email = serializers.CharField(allow_null=True, help_text="The person; null for a script or the house itself.")
    actor_key_id = serializers.CharField(allow_null=True, help_text="The key of the script.")
    address = serializers.CharField(allow_null=True)
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    object_name = serializers.CharField()
    changes = serializers.DictField(help_text="What was changed; amounts are decimal texts of USD. Never a secret.")


class AuditListOut(ListOut):
    data = AuditEntryOut(many=True)  # type: ignore[assignment]


class AuditQuery(PageQuery):
    action = serializers.CharField(max_length=64, required=False)
    object_id = serializers.CharField(max_length=64, required=False)
    actor = serializers.CharField(max_length=254, required=False, help_text="E-mail address, or id of a key.")
    since = Instant(required=False)
    until = Instant(required=False, help_text="Not included.")


def shown_organization(organization: Organization) -> dict[str, Any]:
    """The organization as JSON."""
    return {
        "object": "organization",
        "id": organization.public_id,
        "name": organization.name,
        "time_zone": organization.time_zone,
        "created_at": instant(organization.created_at),
        "suspended_at": instant(organization.suspended_at) if organization.suspended_at else None,
        "secrets_can_be_copied": organization.keys_can_be_revealed,
        "allowed_domains": organization.allowed_domains,
        "requires_two_factor": organization.requires_two_factor,
    }


def shown_project(project: Project) -> dict[str, Any]:
    """A project as JSON."""
    return {
        "object": "project",
        "id": project.public_id,
        "name": project.name,
        "status": "archived" if project.archived_at else "active",
        "created_at": instant(project.created_at),
        "archived_at": instant(project.archived_at) if project.archived_at else None,
    }


def shown_member(membership: Membership) -> dict[str, Any]:
    """A member as JSON."""
    return {
        "object": "member",
        "user_id": membership.user.public_id,
        "email": membership.user.email,
        "name": membership.user.name,
        "role": membership.role,
        "since": instant(membership.created_at),
    }


def shown_invitation(invitation: Invitation) -> dict[str, Any]:
    """An open invitation as JSON; its link is in the mail alone."""
    return {
        "object": "invitation",
        "id": invitation.public_id,
        "email": invitation.email,
        "role": invitation.role,
        "project_ids": sorted(project.public_id for project in invitation.projects.all()),
        "sent_at": instant(invitation.sent_at),
        "expires_at": instant(invitation.expires_at),
    }


def shown_entry(entry: AuditEntry) -> dict[str, Any]:
    """An entry of the audit trail as JSON."""
    return {
        "object": "audit_entry",
        "id": f"audit_{entry.pk}",
        "at": instant(entry.at),
        "action": entry.action,
        "actor_email": entry.actor.email if entry.actor else None,
        "actor_key_id": entry.actor_key or None,
        "address": entry.address or None,
        "object_type": entry.object_type,
        "object_id": f"grant_{entry.object_id}" if entry.object_type == GRANT else entry.object_id,
        "object_name": entry.object_name,
        "changes": dict(_shown_change(name, value) for name, value in entry.changes.items()),
    }


def _shown_change(name: str, value: Any) -> tuple[str, Any]:
    """Credit is recorded in nano-USD; here as everywhere in the API it is a decimal text of USD."""
    if name == "amount_nano":
        return "amount", usd_string(value)
    return name, value
