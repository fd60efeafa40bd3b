"""Do something once, however often a client asks: the same request gets the same answer."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import IdempotentRequest
from foundation import sealing
from foundation.sealing import SealBroken

KEPT = timedelta(hours=24)
SECRET_KEPT = timedelta(minutes=10)
MOST_CHARACTERS = 255


class KeyReused(ValueError):
    """The Idempotency-Key came before with another request."""


class SecretGone(ValueError):
    """The request took effect before, and the secret that its answer carried can no longer be shown."""

    def __init__(self, stored: IdempotentRequest) -> None:
        super().__init__(
            f"This request was carried out at {stored.created_at:%Y-%m-%d %H:%M:%S} UTC for "
            f"{_body(stored).get('id', 'its object')}; its secret can no longer be shown. Regenerate the key."
        )


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks, by a name that stays such as `key:ID`, and the secret that only the client has."""

    organization_id: int
    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets; `secret` apart from the rest, because it is not kept like the rest."""

    status: int
    body: dict[str, Any]
    secret: str | None = None
    is_replay: bool = False


def _sealing_key(credential: Credential, key: str) -> str:
    """Neither a copy of the database nor the house's own key opens what is sealed with this."""
    return f"{settings.ENCRYPTION_KEY}:{credential.secret}:{key}"


def once(
    credential: Credential, key: str, request: str, work: Callable[[], Answer], now: datetime | None = None
) -> Answer:
    """The answer of `work`, done at most once for this key; raises KeyReused, SecretGone, and what `work` raises.

    What fails leaves no trace and may be tried again with the same key. Of two that come together the second waits
    for the first and gets its answer. A secret is given again for 10 minutes, then never.
    """
    now = now or timezone.now()
    forget_expired(now)
    fingerprint = hashlib.sha256(request.encode()).hexdigest()
    whose = {"organization_id": credential.organization_id, "credential": credential.name, "key": key}
    row = IdempotentRequest(**whose, fingerprint=fingerprint, created_at=now)
    with transaction.atomic():
        # On PostgreSQL this waits for a concurrent insert of the same key; on SQLite the transaction itself did.
        IdempotentRequest.objects.bulk_create([row], ignore_conflicts=True)
        stored = IdempotentRequest.objects.get(**whose)
        if stored.fingerprint != fingerprint:
            raise KeyReused("This Idempotency-Key was used with another request. Use a new one.")
        if stored.status:
            return _again(stored, credential, now)
        answer = work()
        stored.status = answer.status
        # As text: PostgreSQL keeps an object in an order of its own.
        stored.answer = json.dumps(answer.body)
        if answer.secret is not None:
            stored.sealed = sealing.seal(answer.secret, _sealing_key(credential, key), _context(stored))
            stored.had_secret = True
        stored.save()
        return answer


def _context(stored: IdempotentRequest) -> str:
    return f"idempotent:{stored.organization_id}:{stored.credential}:{stored.key}"


def _body(stored: IdempotentRequest) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stored.answer) if isinstance(stored.answer, str) else stored.answer
    return body


def _again(stored: IdempotentRequest, credential: Credential, now: datetime) -> Answer:
    answer = Answer(stored.status, _body(stored), is_replay=True)
    if not stored.had_secret:
        return answer
    if not stored.sealed or stored.created_at + SECRET_KEPT <= now:
        raise SecretGone(stored)
    try:
        sealing_key = _sealing_key(credential, stored.key)
        return replace(answer, secret=sealing.unseal(stored.sealed, sealing_key, _context(stored)))
    except SealBroken as error:
        # The same key with a new secret, or the same person in another session.
        raise SecretGone(stored) from error


def forget_expired(now: datetime | None = None) -> None:
    """Delete what is past its day, and secrets past their ten minutes."""
    now = now or timezone.now()
    old = IdempotentRequest.objects.filter(created_at__lte=now - KEPT)
    if old.exists():
        old.delete()
    sealed = IdempotentRequest.objects.filter(created_at__lte=now - SECRET_KEPT).exclude(sealed="")
    if sealed.exists():
        sealed.update(sealed="")
