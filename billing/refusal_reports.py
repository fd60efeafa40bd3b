"""What was refused lately, as far as somebody sees it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, QuerySet, Sum

from accounts.reach import Reach
from billing.models import RefusalCount, RefusedRequest
from billing.refused import QUOTA


@dataclass(frozen=True, slots=True)
class Counted:
    """Refusals of one error code; `last` is the minute of the newest."""

    code: str
    count: int
    last: datetime


def counts(reach: Reach, since: datetime) -> list[Counted]:
    """By code since the instant, most often first."""
    found = RefusalCount.objects.filter(organization=reach.organization, minute__gt=since)
    if (own := reach.project_ids()) is not None:
        found = found.filter(project__in=own)
    by_code = found.order_by().values_list("code").annotate(Sum("count"), Max("minute"))
    return [Counted(*row) for row in sorted(by_code, key=lambda one: (-one[1], one[0]))]


def newest(reach: Reach) -> QuerySet[RefusedRequest]:
    """The newest refusals one by one; a key's newest hundred are kept."""
    found = RefusedRequest.objects.filter(organization=reach.organization).select_related("api_key__project")
    if (own := reach.project_ids()) is not None:
        found = found.filter(api_key__project__in=own)
    return found.order_by("-pk")


def message_for(reach: Reach, refused: RefusedRequest) -> str:
    """The words of the answer; empty where they tell the balance to who does not see money."""
    return refused.message if reach.sees_money or refused.code != QUOTA else ""
