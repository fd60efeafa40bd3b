"""When a key was last used."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import ApiKey
from usage.models import UsageEvent


def by_key(key_ids: Iterable[int]) -> dict[int, datetime]:
    """The newest call of each key, metered or not; a key that was never used is absent. One index step a key."""
    newest = UsageEvent.objects.filter(api_key=OuterRef("pk")).order_by("-occurred_at").values("occurred_at")[:1]
    rows = ApiKey.objects.filter(pk__in=list(key_ids)).annotate(used_at=Subquery(newest)).order_by()
    found = {}
    for key_id, used_at, called_at in rows.values_list("pk", "used_at", "last_called_at"):
        if at := max((one for one in (used_at, called_at) if one), default=None):
            found[key_id] = at
    return found
