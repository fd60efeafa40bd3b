"""From the audit trail to the outbox: what happened to keys is told by webhook.

Who changes a key cannot reach the outbox, which lies to the right. The entry that the change leaves in its own
transaction is the news; it is read here by the clock and becomes one message.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry
from billing.models import AuditPosition, EventType, OutboxMessage
from foundation.ids import public_id
from foundation.periods import iso

TOLD = (EventType.KEY_CREATED, EventType.KEY_REGENERATED, EventType.KEY_REVOKED)
_MOST = 500
# No transaction takes so long: an entry with a smaller number cannot come after it.
_MARGIN = timedelta(minutes=15)


def announce_changes(now: datetime | None = None) -> int:
    """Write a message for every change that has none; how many this call found. Any process may run it."""
    now = now or timezone.now()
    position = AuditPosition.objects.filter(pk=1).values_list("entry_id", flat=True).first() or 0
    is_told = Exists(OutboxMessage.objects.filter(audit_entry_id=OuterRef("pk")))
    entries = list(
        AuditEntry.objects.filter(~is_told, pk__gt=position, action__in=TOLD, organization__isnull=False)
        .select_related("organization", "actor")
        .order_by("pk")[:_MOST]
    )
    # Before the position moves: who is killed in between finds them again, and each once.
    _write(entries)
    _advance(position, entries[-1].pk if len(entries) == _MOST else None, now)
    return len(entries)


def _write(entries: list[AuditEntry]) -> None:
    if not entries:
        return
    found = ApiKey.objects.select_related("project").filter(public_id__in=[entry.object_id for entry in entries])
    keys = {key.public_id: key for key in found}
    messages = [
        OutboxMessage(
            public_id=public_id("msg"),
            organization=entry.organization,
            type=entry.action,
            payload=_payload(entry, keys[entry.object_id]),
            audit_entry_id=entry.pk,
            created_at=entry.at,
        )
        for entry in entries
        if entry.object_id in keys
    ]
    # Two processes may have read the same entry: one of them inserts it.
    OutboxMessage.objects.bulk_create(messages, ignore_conflicts=True)


def _advance(position: int, last_read: int | None, now: datetime) -> None:
    """Move behind what is old enough; a position never moves back."""
    old = AuditEntry.objects.filter(pk__gt=position, at__lt=now - _MARGIN)
    if last_read is not None:
        old = old.filter(pk__lte=last_read)
    newest = old.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return
    with transaction.atomic():
        AuditPosition.objects.get_or_create(pk=1, defaults={"entry_id": 0})
        AuditPosition.objects.filter(pk=1, entry_id__lt=newest).update(entry_id=newest)


def _payload(entry: AuditEntry, key: ApiKey) -> dict[str, Any]:
    """What listeners are told: never a secret."""
    told: dict[str, Any] = {
        "object": "api_key",
        "id": key.public_id,
        "name": entry.object_name,
        "project_id": key.project.public_id,
        "by": _who(entry),
    }
    if entry.action == EventType.KEY_REGENERATED:
        grace = int(entry.changes.get("grace_seconds", 0))
        told["previous_secret_ends_at"] = iso(entry.at + timedelta(seconds=grace))
    return told


def _who(entry: AuditEntry) -> dict[str, str | None]:
    """A person, a script's key, or the house itself."""
    if entry.actor is not None:
        return {"type": "user", "id": entry.actor.public_id}
    return {"type": "key", "id": entry.actor_key} if entry.actor_key else {"type": "system", "id": None}
