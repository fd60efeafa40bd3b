"""When a key was last used."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import ApiKey, ApiKeySecret
from usage.models import UsageEvent


def by_key(key_ids: Iterable[int]) -> dict[int, datetime]:
    """The newest call of each key, metered or not; a key that was never used is absent. One index step a key."""
    newest = UsageEvent.objects.filter(api_key=OuterRef("pk")).order_by("-occurred_at").values("occurred_at")[:1]
    secrets = ApiKeySecret.objects.filter(api_key=OuterRef("pk"), last_used_at__isnull=False)
    noted = secrets.order_by("-last_used_at").values("last_used_at")[:1]
    rows = ApiKey.objects.filter(pk__in=list(key_ids)).order_by()
    rows = rows.annotate(used_at=Subquery(newest), noted_at=Subquery(noted))
    found = {}
    for key_id, used_at, noted_at in rows.values_list("pk", "used_at", "noted_at"):
        if at := max((one for one in (used_at, noted_at) if one), default=None):
            found[key_id] = at
    return found
