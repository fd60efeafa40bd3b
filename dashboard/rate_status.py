"""Where the rate limits stand: requests of the last 60 seconds, when they are free again, what was refused in a day.

Counted from the holds of every process, so it is the same with one worker and with many.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q, Sum

from accounts.models import ApiKey
from billing.models import Hold, RefusalCount, Subscription
from dashboard.usage_filters import Scope

_WINDOW = timedelta(seconds=60)
_DAY = timedelta(hours=24)
_REFUSED = "rate_limit_exceeded"
# From here on (percent) it is told as nearly used up.
_TIGHT = 90


@dataclass(frozen=True, slots=True)
class RateStatus:
    """One limit; `limit` is None for a key that has none of its own. `free_at`: when all of it is free again."""

    limit: int | None
    used: int
    free_at: datetime | None
    refused: int
    # The plan whose limit it is; empty for a key's own.
    plan: str = ""

    @property
    def left(self) -> int | None:
        """Requests that fit now."""
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def is_tight(self) -> bool:
        return self.limit is not None and self.used * 100 >= self.limit * _TIGHT

    @property
    def shown(self) -> int:
        """Of the bar, which ends at the limit."""
        return self.used if self.limit is None else min(self.used, self.limit)


def of_organization(scope: Scope, now: datetime) -> RateStatus | None:
    """All keys together, also those that this person does not see; refusals only of projects within reach."""
    organization = scope.organization
    subscription = Subscription.objects.select_related("plan").filter(organization=organization).first()
    if subscription is None:
        return None
    limit = subscription.requests_per_minute or subscription.plan.requests_per_minute
    used, newest = _admitted(Q(organization=organization), now)
    reach = Q(organization=organization)
    if not scope.every:
        reach &= Q(project__in=[project.pk for project in scope.projects])
    refused = _refused(reach, now)
    return RateStatus(limit, used, newest and newest + _WINDOW, refused, subscription.plan.name)


def of_key(key: ApiKey, now: datetime) -> RateStatus:
    """The key alone."""
    used, newest = _admitted(Q(api_key=key), now)
    refused = _refused(Q(organization=key.organization_id, api_key=key), now)
    return RateStatus(key.requests_per_minute, used, newest and newest + _WINDOW, refused)


def _admitted(whose: Q, now: datetime) -> tuple[int, datetime | None]:
    found = Hold.objects.filter(whose, admitted_at__gt=now - _WINDOW, admitted_at__lte=now)
    sums = found.order_by().aggregate(used=Count("pk"), newest=Max("admitted_at"))
    return sums["used"], sums["newest"]


def _refused(whose: Q, now: datetime) -> int:
    found = RefusalCount.objects.filter(whose, code=_REFUSED, minute__gt=now - _DAY)
    return found.aggregate(sum=Sum("count"))["sum"] or 0
