"""Who still uses an old secret: what to know before it is stopped."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

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
