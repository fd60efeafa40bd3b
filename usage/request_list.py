"""Requests one by one, newest first."""

from django.db.models import F, Q, QuerySet

from usage.models import UsageEvent
from usage.models.event import CORRECTIONS
from usage.pace import FAILED
from usage.reports import Filter


def newest_first(chosen: Filter, ended: str = "", status: str = "") -> QuerySet[UsageEvent]:
    """The filter's requests; only those that ended so, or with a status such as `4xx`."""
    found = UsageEvent.objects.filter(**chosen.lookups("occurred_at"))
    if ended:
        found = found.filter(finish_reason=ended)
    if status:
        first = int(status[0]) * 100
        found = found.filter(status__gte=first, status__lt=first + 100)
    return found.order_by("-occurred_at", "-id")


def failed(chosen: Filter) -> QuerySet[UsageEvent]:
    """The filter's requests whose answer broke off, newest first; corrections are none of them."""
    # Written out: with a bound number SQLite would not use the index of those that failed.
    found = newest_first(chosen).extra(where=[f"usage_usageevent.status >= {FAILED}"])  # noqa: S610
    return found.exclude(usage_source__in=CORRECTIONS)


def older(found: QuerySet[UsageEvent], last: UsageEvent) -> QuerySet[UsageEvent]:
    """What comes after `last` in the order of the list; the first condition alone finds the place in the index."""
    return found.filter(occurred_at__lte=last.occurred_at).filter(
        Q(occurred_at__lt=last.occurred_at) | Q(pk__lt=last.pk)
    )


def find(organization_id: int, project_ids: tuple[int, ...] | None, request_id: str) -> UsageEvent | None:
    """The request with that id, in these projects (None: all); of several, one that passed the gateway."""
    if "\0" in request_id:
        return None
    found = UsageEvent.objects.filter(request_id=request_id, organization_id=organization_id)
    if project_ids is not None:
        found = found.filter(project__in=project_ids)
    found = found.select_related("api_key__project", "api_key__owner", "project", "user", "provider")
    return found.order_by(F("batch_id").asc(nulls_first=True), "-pk").first()
