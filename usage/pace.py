"""How long requests took, and how many broke off: from the events themselves, in one bounded statement each."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import connection

from usage.models.event import AMENDED, VOIDED
from usage.reports import GROUPS, Filter

# As many requests are looked at: all of a small selection, a sample spread over its periods of a large one.
MOST = 2_000
_FEWEST_A_PERIOD = 40
_COLUMNS = GROUPS | {"member": "(SELECT k.owner_id FROM accounts_apikey k WHERE k.id = api_key_id)"}
# An answer that broke off on our side or the provider's; a client that left is no failure.
FAILED = 500


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds in the middle of `number` requests; None where none was measured."""

    number: int
    duration: int | None
    first_token: int | None


NOT_KNOWN = Pace(0, None, None)


@dataclass(frozen=True, slots=True)
class Paces:
    """The pace of all, and of a group's values; `is_sample` when not every request was looked at."""

    of_all: Pace
    is_sample: bool
    # Thousands of keys are read and a page of them is shown: only their middles are looked for.
    _times: dict[Any, list[tuple[int, int | None]]]

    def of(self, value: Any) -> Pace:
        """The pace of one group value, as `read` names them."""
        return _pace(self._times.get(value, []))


def read(chosen: Filter, edges: Sequence[datetime], group: str, requests: int) -> Paces:
    """By model name, key id, project id, the key's owner (None: nobody), or with the group `period` by the number of
    the period between the edges.

    `requests` is how many the filter holds. Edges are UTC instants; they replace the filter's own start and end.
    """
    is_whole = requests <= MOST and (bool(chosen.key_ids) or _is_everything(chosen))
    periods = list(pairwise(edges))
    most = MOST if is_whole else max(_FEWEST_A_PERIOD, MOST // max(1, len(periods)))
    column = _COLUMNS.get(group, "NULL")
    found: dict[Any, list[tuple[int, int | None]]] = defaultdict(list)
    every: list[tuple[int, int | None]] = []
    if periods:
        selects = [_newest(chosen, column, number, bounds, most, is_whole) for number, bounds in enumerate(periods)]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(sql for sql, _ in selects), [one for _, some in selects for one in some])
            for number, value, duration, first_token in cursor.fetchall():
                found[number if group == "period" else value].append((duration, first_token))
                every.append((duration, first_token))
    return Paces(_pace(every), not is_whole, found)


def failures(chosen: Filter, group: str, edges: Sequence[datetime] = ()) -> dict[Any, int]:
    """Requests whose answer broke off, by group value as `read`, by None without a group."""
    where, params = chosen.who()
    adapt = connection.ops.adapt_datetimefield_value
    start, end = (edges[0], edges[-1]) if edges else (chosen.start, chosen.end)
    column = GROUPS.get(group, "NULL")
    number = f"SUM(CASE usage_source WHEN '{VOIDED}' THEN -1 WHEN '{AMENDED}' THEN 0 ELSE 1 END)"
    found: dict[Any, int] = defaultdict(int)
    with connection.cursor() as cursor:
        if group == "period":
            values = ",".join(["(%s,%s,%s)"] * (len(edges) - 1))
            bounds = [
                one for place, (a, b) in enumerate(pairwise(edges)) for one in (place, adapt(a), adapt(b))
            ]  # fmt: skip
            cursor.execute(
                f"SELECT period.column1, {number} FROM (VALUES {values}) period CROSS JOIN usage_usageevent "  # noqa: S608
                f"WHERE {where} AND status >= {FAILED} AND occurred_at >= period.column2 "
                "AND occurred_at < period.column3 GROUP BY period.column1",
                bounds + params,
            )
        else:
            cursor.execute(
                f"SELECT {column}, {number} FROM usage_usageevent WHERE {where} AND status >= {FAILED} "  # noqa: S608
                f"AND occurred_at >= %s AND occurred_at < %s {f'GROUP BY {column}' if column != 'NULL' else ''}",
                [*params, adapt(start), adapt(end)],
            )
        for value, count in cursor.fetchall():
            found[value] += int(count or 0)
    return dict(found)


def _is_everything(chosen: Filter) -> bool:
    return chosen.project_ids is None and not chosen.models and not chosen.owner_ids


def _newest(
    chosen: Filter, column: str, number: int, bounds: tuple[datetime, datetime], most: int, is_whole: bool
) -> tuple[str, list[Any]]:
    """The newest requests of one period, without reports that say no time.

    Of a sample both filters come after the limit, which bounds what is read: there may be millions without a time.
    """
    who, params = chosen.who()
    adapt = connection.ops.adapt_datetimefield_value
    # The index of a key finds its requests among any number of others; a model or project has none of its own.
    found_by_index = is_whole or bool(chosen.key_ids)
    inner, inner_params = (who, params) if found_by_index else ("organization_id = %s", [chosen.organization_id])
    outer, outer_params = ("1 = 1", []) if found_by_index else (who, params)
    sql = (
        f"SELECT {number}, {column}, duration_ms, first_token_ms FROM ("  # noqa: S608
        "SELECT organization_id, project_id, api_key_id, model, duration_ms, first_token_ms FROM usage_usageevent "
        f"WHERE {inner} AND occurred_at >= %s AND occurred_at < %s AND status < 400 "
        f"ORDER BY occurred_at DESC LIMIT {most}) e WHERE {outer} AND duration_ms > 0"
    )
    return sql, [*inner_params, adapt(bounds[0]), adapt(bounds[1]), *outer_params]


def _pace(some: list[tuple[int, int | None]]) -> Pace:
    if not some:
        return NOT_KNOWN
    first = [one for _, one in some if one is not None]
    return Pace(
        len(some),
        round(statistics.median(duration for duration, _ in some)),
        round(statistics.median(first)) if first else None,
    )
