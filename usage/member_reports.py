"""What each person used: from the events themselves, which alone know who asked."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import connection

from usage.models.event import AMENDED, VOIDED
from usage.reports import Filter, Sums, sums_of

# What a correction takes away counts as no request, or as one less.
_REQUESTS = f"SUM(CASE e.usage_source WHEN '{VOIDED}' THEN -1 WHEN '{AMENDED}' THEN 0 ELSE 1 END)"
_SUMS = f"{_REQUESTS}, SUM(e.input_tokens), SUM(e.cached_input_tokens), SUM(e.output_tokens), SUM(e.charge)"
_PERIODS_A_STATEMENT = 300


def series(chosen: Filter, edges: Sequence[datetime]) -> list[dict[int | None, Sums]]:
    """Sums by user id for each of the periods between the edges (UTC); None: keys that belong to a project.

    The filter's own start and end are replaced by the first and last edge.
    """
    found: list[dict[int | None, Sums]] = [{} for _ in edges[1:]]
    adapt = connection.ops.adapt_datetimefield_value
    who, who_params = chosen.who()
    for start in range(0, len(found), _PERIODS_A_STATEMENT):
        part = edges[start : start + _PERIODS_A_STATEMENT + 1]
        values = ",".join(["(%s,%s,%s)"] * (len(part) - 1))
        bounds: list[Any] = []
        for number, (since, until) in enumerate(pairwise(part), start=start):
            bounds += [number, adapt(since), adapt(until)]
        # CROSS JOIN keeps this order on SQLite: one search of the index a period.
        sql = (
            f"SELECT period.column1, e.user_id, {_SUMS} FROM (VALUES {values}) period "  # noqa: S608
            f"CROSS JOIN usage_usageevent e WHERE {who} AND e.occurred_at >= period.column2 "
            "AND e.occurred_at < period.column3 GROUP BY period.column1, e.user_id"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, bounds + who_params)
            for number, user_id, *sums in cursor.fetchall():
                found[int(number)][user_id] = sums_of(sums)
    return found
