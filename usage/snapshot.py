"""Several reports of one moment: one SQL statement, so that they agree while requests keep arriving."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import connection

from usage.reports import GROUPS, SUMS, TABLES, Filter, Sums, sums_of

# One type a column in every SELECT of the UNION.
_NOT_GROUPED = {
    "model": "CAST(NULL AS varchar)",
    "api_key_id": "CAST(NULL AS bigint)",
    "project_id": "CAST(NULL AS bigint)",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One of the reports: sums by `group` (one of GROUPS, or empty) and, with edges, by the periods between them.

    Edges are UTC instants; they replace the filter's own start and end.
    """

    chosen: Filter
    group: str = ""
    edges: tuple[datetime, ...] = ()


Row = dict[Any, Sums]


def read(parts: Sequence[Part]) -> list[list[Row]]:
    """For each part a list of its periods (one without edges): sums by group value, by None without a group."""
    found: list[list[Row]] = [[{} for _ in part.edges[1:] or (None,)] for part in parts]
    selects = [_select(number, part, table) for number, part in enumerate(parts) for table in TABLES]
    sql = " UNION ALL ".join(text for text, _ in selects)
    with connection.cursor() as cursor:
        cursor.execute(sql, [param for _, params in selects for param in params])
        for number, period, model, key, project, *sums in cursor.fetchall():
            value = {"model": model, "key": key, "project": project}.get(parts[number].group)
            row = found[number][period]
            row[value] = row.get(value, Sums()) + sums_of(sums)
    return found


def _select(number: int, part: Part, table: str) -> tuple[str, list[Any]]:
    grouped = GROUPS.get(part.group)
    columns = ", ".join(name if name == grouped else empty for name, empty in _NOT_GROUPED.items())
    by = [grouped] if grouped else []
    if not part.edges:
        where, params = part.chosen.where()
        # Without a group the sums of nothing would be one row of NULLs.
        group_by = f"GROUP BY {grouped}" if grouped else ""
        sql = f"SELECT {number}, 0, {columns}, {SUMS} FROM {table} WHERE {where} {group_by} HAVING COUNT(*) > 0"  # noqa: S608
        return sql, params
    adapt = connection.ops.adapt_datetimefield_value
    periods = ",".join(["(%s,%s,%s)"] * (len(part.edges) - 1))
    bounds: list[Any] = []
    for period, (since, until) in enumerate(pairwise(part.edges)):
        bounds += [period, adapt(since), adapt(until)]
    who, params = part.chosen.who()
    # CROSS JOIN keeps this order on SQLite: one search of the index a period.
    sql = (
        f"SELECT {number}, period.column1, {columns}, {SUMS} FROM (VALUES {periods}) period CROSS JOIN {table} "  # noqa: S608
        f"WHERE {who} AND bucket >= period.column2 AND bucket < period.column3 "
        f"GROUP BY {', '.join(['period.column1', *by])}"
    )
    return sql, bounds + params
