"""Everything that the house keeps about one person, as plain values; no secret and no hash of one is among them."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import ApiKey, AuditEntry, Membership, Preset, ProjectMembership, User


def of(user: User) -> dict[str, Any]:
    """What the person may take along; times are UTC."""
    return {
        "account": {
            "id": user.public_id,
            "email": user.email,
            "name": user.name,
            "time_zone": user.time_zone,
            "language": user.language,
            "number_format": user.number_format,
            "created_at": user.date_joined,
            "last_log_in_at": user.last_login,
        },
        "email_addresses": list(EmailAddress.objects.filter(user=user).values("email", "verified", "primary")),
        "second_factors": list(
            Authenticator.objects.filter(user=user).order_by("pk").values("type", "created_at", "last_used_at")
        ),
        "sessions": list(
            UserSession.objects.filter(user=user)
            .order_by("pk")
            .values("created_at", "last_seen_at", "ip", "user_agent")
        ),
        "memberships": [
            {
                "organization_id": one.organization.public_id,
                "organization": one.organization.name,
                "role": one.role,
                "since": one.created_at,
            }
            for one in Membership.objects.filter(user=user).select_related("organization").order_by("pk")
        ],
        "projects": [
            {"project_id": one.project.public_id, "project": one.project.name, "since": one.created_at}
            for one in ProjectMembership.objects.filter(user=user).select_related("project").order_by("pk")
        ],
        "own_keys": [
            {
                "id": key.public_id,
                "name": key.name,
                "project_id": key.project.public_id,
                "scopes": key.scopes,
                "created_at": key.created_at,
                "status": key.status(),
            }
            for key in ApiKey.objects.filter(owner=user).select_related("project").order_by("pk")
        ],
        "own_presets": list(
            Preset.objects.filter(owner=user, deleted_at=None)
            .order_by("pk")
            .values("public_id", "name", "description", "model", "parameters", "messages", "created_at", "updated_at")
        ),
        "changes_made": list(
            AuditEntry.objects.filter(actor=user)
            .order_by("pk")
            .values("at", "action", "object_type", "object_id", "object_name", "address")
        ),
    }
