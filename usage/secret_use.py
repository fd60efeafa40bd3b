"""Who still uses an old secret: what to know before it is stopped."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max
from django.utils import timezone

from accounts.models import ApiKey, ApiKeySecret
from usage.models import UsageEvent


@dataclass(frozen=True, slots=True)
class SecretUse:
    """What was done with an old secret after there was a new one; `requests` are metered ones."""

    secret: ApiKeySecret
    requests: int
    # The last call of any kind, to the minute where it was not metered, and where it came from (empty: not known).
    last: datetime | None
    address: str


def of_old_secret(api_key: ApiKey, now: datetime | None = None) -> SecretUse | None:
    """The use of the secret that still works beside the current one; None where there is none."""
    old, current = api_key.retiring_secret(now), api_key.current_secret()
    if old is None or current is None:
        return None
    since = UsageEvent.objects.filter(api_key=api_key, occurred_at__gte=current.created_at, secret_id=old.pk)
    found = since.order_by().aggregate(requests=Count("pk"), newest=Max("occurred_at"))
    noted = old.last_used_at if old.last_used_at and old.last_used_at >= current.created_at else None
    last = max((at for at in (noted, found["newest"]) if at), default=None)
    return SecretUse(old, found["requests"], last, old.last_address if noted else "")


# ---------------------------------------------------------------- every secret

# The longest grace is a week; what is older says nothing about who must still be moved.
COUNTED = timedelta(days=31)
MOST_SECRETS = 10


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key's newest secrets, newest first; `requests` and `last` of each since `counted_since`.

    `rotated_at` is when the current secret was made, None for a key that still has its first one.
    """

    rotated_at: datetime | None
    counted_since: datetime
    secrets: tuple[SecretUse, ...]


def rotation(api_key: ApiKey, now: datetime | None = None) -> Rotation:
    """The use of its ten newest secrets since the last rotation, at most the last 31 days. Two queries."""
    now = now or timezone.now()
    found = list(ApiKeySecret.objects.filter(api_key=api_key).order_by("-created_at", "-id")[:MOST_SECRETS])
    rotated_at = found[0].created_at if len(found) > 1 else None
    since = max(rotated_at or api_key.created_at, now - COUNTED)
    events = UsageEvent.objects.filter(api_key=api_key, occurred_at__gte=since).order_by()
    rows = events.values_list("secret_id").annotate(requests=Count("pk"), newest=Max("occurred_at"))
    metered = {secret_id: (requests, newest) for secret_id, requests, newest in rows}
    return Rotation(rotated_at, since, tuple(_use(secret, *metered.get(secret.pk, (0, None))) for secret in found))


def _use(secret: ApiKeySecret, requests: int, newest: datetime | None) -> SecretUse:
    last = max((at for at in (secret.last_used_at, newest) if at), default=None)
    return SecretUse(secret, requests, last, secret.last_address)
