"""What was refused lately, as far as somebody sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet, Sum

from accounts.reach import Reach
from billing.models import RefusalCount, RefusedRequest
from billing.refused import QUOTA
from usage.reports import GROUPS, Filter

TOO_FAST = "rate_limit_exceeded"


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


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refused requests, and those of them that came too fast."""

    count: int
    too_fast: int


def by_group(chosen: Filter, group: str, edges: Sequence[datetime] = ()) -> dict[Any, Refusals]:
    """Of what the filter holds, by model name, key id or project id, by the number of the period between the edges
    with the group `period`, by None without a group. Models that do not exist are counted as `unknown`.
    """
    adapt = connection.ops.adapt_datetimefield_value
    who, params = chosen.who()
    sums = f"SUM(count), SUM(CASE code WHEN '{TOO_FAST}' THEN count ELSE 0 END)"
    start, end = (edges[0], edges[-1]) if edges else (chosen.start, chosen.end)
    if group == "period":
        values = ",".join(["(%s,%s,%s)"] * (len(edges) - 1))
        bounds = [one for place, (a, b) in enumerate(pairwise(edges)) for one in (place, adapt(a), adapt(b))]
        sql = (
            f"SELECT period.column1, {sums} FROM (VALUES {values}) period CROSS JOIN billing_refusalcount "  # noqa: S608
            f"WHERE {who} AND minute >= period.column2 AND minute < period.column3 GROUP BY period.column1"
        )
        params = [*bounds, *params]
    else:
        column = GROUPS.get(group, "")
        sql = (
            f"SELECT {column or 'NULL'}, {sums} FROM billing_refusalcount WHERE {who} AND minute >= %s "  # noqa: S608
            f"AND minute < %s {f'GROUP BY {column}' if column else 'HAVING COUNT(*) > 0'}"
        )
        params = [*params, adapt(start), adapt(end)]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {value: Refusals(int(count), int(too_fast)) for value, count, too_fast in cursor.fetchall()}


def newest(reach: Reach) -> QuerySet[RefusedRequest]:
    """The newest refusals one by one; a key's newest hundred are kept."""
    found = RefusedRequest.objects.filter(organization=reach.organization).select_related("api_key__project")
    if (own := reach.project_ids()) is not None:
        found = found.filter(api_key__project__in=own)
    return found.order_by("-pk")


def message_for(reach: Reach, refused: RefusedRequest) -> str:
    """The words of the answer; empty where they tell the balance to who does not see money."""
    return refused.message if reach.sees_money or refused.code != QUOTA else ""
