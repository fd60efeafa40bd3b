"""Several reports of one moment: one SQL statement, so that they agree while requests keep arriving."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from usage.reports import GROUPS, SUMS, Filter, Sums, source_of, sums_of

# One type a column in every SELECT of the UNION.
_NOT_GROUPED = {
    "model": "CAST(NULL AS varchar)",
    "api_key_id": "CAST(NULL AS bigint)",
    "project_id": "CAST(NULL AS bigint)",
}
# By whose the keys are: sums by user id, and of the keys that are nobody's by one of these.
MEMBER, PLAYGROUND, PROJECTS = "member", "playground", "projects"
# How large a group is, by name of the measure.
LARGEST = {
    "cost": "SUM(charge)",
    "tokens": "SUM(input_tokens) + SUM(cached_input_tokens) + SUM(output_tokens)",
    "requests": "SUM(requests)",
    "input": "SUM(input_tokens) + SUM(cached_input_tokens)",
    "cached": "SUM(cached_input_tokens)",
    "output": "SUM(output_tokens)",
}
# Which of two that are as large comes first.
_THEN = ("cost", "tokens", "requests")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the reports: sums by `group` (of GROUPS, MEMBER or empty) and, with edges, by the periods between them.

    Edges are UTC instants; they replace the filter's own start and end. With `largest`, one of LARGEST, only the `most`
    groups that are the largest by it, or with `rises` the smallest; not together with edges.
    """

    chosen: Filter
    group: str = ""
    edges: tuple[datetime, ...] = ()
    largest: str = ""
    most: int = 0
    rises: bool = False


Row = dict[Any, Sums]


class Periods(list[Row]):
    """For each period (one without edges) sums by group value, by None without a group."""

    # How many groups there are, also those behind the `most`.
    groups = 0


def read(parts: Sequence[Part]) -> list[Periods]:
    """What each part asks for."""
    found = [Periods({} for _ in part.edges[1:] or (None,)) for part in parts]
    selects = [_select(number, part) for number, part in enumerate(parts)]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(sql for sql, _ in selects), [param for _, params in selects for param in params]
        )
        for number, groups, period, model, key, project, *sums in cursor.fetchall():
            value = {"model": model, "key": key, "project": project, MEMBER: key or model}.get(parts[number].group)
            found[number][period][value] = sums_of(sums)
            found[number].groups = groups
    return found


def _select(number: int, part: Part) -> tuple[str, list[Any]]:
    if part.group == MEMBER:
        return _by_member(number, part)
    grouped = [GROUPS[part.group]] if part.group else []
    source, params = source_of(part.chosen, grouped, part.edges)
    columns = ", ".join(name if name in grouped else empty for name, empty in _NOT_GROUPED.items())
    by = ", ".join(("period", *grouped))
    groups = "COUNT(*) OVER ()" if part.largest else "0"
    sql = f"SELECT {number}, {groups}, period, {columns}, {SUMS} FROM ({source}) s GROUP BY {by}"  # noqa: S608
    if part.largest:
        way = "ASC" if part.rises else "DESC"
        order = ", ".join(f"{LARGEST[size]} {way}" for size in (part.largest, *_THEN))
        # In parentheses, because ORDER BY and LIMIT stand behind all of a UNION.
        sql = f"SELECT * FROM ({sql} ORDER BY {order}, {by} LIMIT {part.most}) part{number}"  # noqa: S608
    return sql, params


def _by_member(number: int, part: Part) -> tuple[str, list[Any]]:
    source, params = source_of(part.chosen, ["api_key_id"], part.edges)
    whose = f"CASE WHEN k.is_playground THEN '{PLAYGROUND}' ELSE '{PROJECTS}' END"
    columns = f"CASE WHEN k.owner_id IS NULL THEN {whose} END, k.owner_id, CAST(NULL AS bigint)"
    keys = f"({source}) s JOIN accounts_apikey k ON k.id = s.api_key_id"
    by = f"period, k.owner_id, CASE WHEN k.owner_id IS NULL THEN {whose} END"
    return f"SELECT {number}, 0, period, {columns}, {SUMS} FROM {keys} GROUP BY {by}", params  # noqa: S608
