"""When a key was last used."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import ApiKey
from usage.models import UsageEvent


def by_key(key_ids: Iterable[int]) -> dict[int, datetime]:
    """The newest request of each key; a key that was never used is absent. One index step a key."""
    newest = UsageEvent.objects.filter(api_key=OuterRef("pk")).order_by("-occurred_at").values("occurred_at")[:1]
    rows = ApiKey.objects.filter(pk__in=list(key_ids)).annotate(used_at=Subquery(newest)).exclude(used_at=None)
    return dict(rows.order_by().values_list("pk", "used_at"))
