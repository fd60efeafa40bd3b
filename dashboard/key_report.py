"""What the page of one key tells: its secrets with who made and ended them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import ApiKey, ApiKeySecret, AuditEntry

_LIFE = ("key.created", "key.regenerated", "key.old_secret_stopped", "key.revoked")
# A secret and the entry that tells of it are written in one transaction.
_TOGETHER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of the key: who made and who ended it; `ended` lies ahead while the old one still works."""

    secret: ApiKeySecret
    made_by: AuditEntry | None
    ended: datetime | None
    ended_by: AuditEntry | None
    state: str
    tone: str


def last_address(key: ApiKey) -> str:
    """Where the last call came from; empty where that is not known."""
    used = [(one.last_used_at, one.last_address) for one in key.secrets.all() if one.last_used_at]
    return max(used)[1] if used else ""


def secrets(key: ApiKey, now: datetime) -> list[Secret]:
    """Every secret that the key ever had, newest first."""
    entries = AuditEntry.objects.filter(
        organization=key.organization, object_type="ApiKey", object_id=key.public_id, action__in=_LIFE
    )
    told = list(entries.select_related("actor").order_by("at", "pk"))
    found = sorted(key.secrets.all(), key=lambda one: (one.created_at, one.pk))
    makers = [_near(told, ("key.created", "key.regenerated"), secret.created_at) for secret in found]
    made: list[Secret] = []
    for place, secret in enumerate(found):
        ended, by = _end(key, secret, told, makers[place + 1] if place + 1 < len(found) else None)
        made.append(Secret(secret, makers[place], ended, by, *_state(key, ended, now)))
    return made[::-1]


def _end(
    key: ApiKey, secret: ApiKeySecret, told: list[AuditEntry], successor: AuditEntry | None
) -> tuple[datetime | None, AuditEntry | None]:
    """When the secret stops and who saw to it: by stopping it early, by a new secret, or by revoking the key."""
    if key.revoked_at and (secret.ends_at is None or secret.ends_at > key.revoked_at):
        return key.revoked_at, _near(told, ("key.revoked",), key.revoked_at)
    if secret.ends_at is None:
        return None, None
    return secret.ends_at, _near(told, ("key.old_secret_stopped",), secret.ends_at) or successor


def _near(told: Iterable[AuditEntry], actions: tuple[str, ...], at: datetime) -> AuditEntry | None:
    """The entry of this moment."""
    found = [one for one in told if one.action in actions and abs(one.at - at) <= _TOGETHER]
    return min(found, key=lambda one: abs(one.at - at), default=None)


def _state(key: ApiKey, ended: datetime | None, now: datetime) -> tuple[Any, str]:
    if ended is None:
        return (
            (_("Current"), "ok") if key.status(now) in ("active", "expires_soon") else (_("Current, stopped"), "warn")
        )
    return (_("Old, still works"), "warn") if ended > now else (pgettext("of a secret", "Ended"), "")
