"""Leave a trace of every change: who did what to which object."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.actor import Actor
from accounts.models import AuditEntry, Organization


def id_of(target: Any) -> str:
    """What the API calls it: a membership goes by its user, a subscription by its organization."""
    return str(getattr(target, "audit_id", None) or getattr(target, "public_id", target.pk))


def record(
    action: str,
    target: Any,
    by: Actor,
    *,
    organization: Organization | None = None,
    changes: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEntry:
    """Insert one audit entry; call it in the transaction that makes the change. `changes` never holds a secret.

    `at`: the moment of the change, where others are counted from it.
    """
    return AuditEntry.objects.create(
        at=at or timezone.now(),
        organization=organization or getattr(target, "organization", None),
        actor=by.user,
        actor_key=by.key_id,
        address=by.address,
        action=action,
        # Not type(): a request's user is a proxy, which answers for its class.
        object_type=target.__class__.__name__,
        object_id=id_of(target),
        object_name=str(target)[:200],
        changes=changes or {},
    )
