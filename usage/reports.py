"""What was used, by time, model, key and project: spans and pending rows together, exact at every moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from foundation import periods
from foundation.sql import placeholders
from usage.models import PendingRollup, UsageRollup
from usage.spans import OF_KEY_TOTALS, OF_KEYS, OF_PROJECTS, Level, cover

GROUPS = {"model": "model", "key": "api_key_id", "project": "project_id"}
_COUNTED = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge")
_PENDING = "usage_pendingrollup WHERE 1 = 1"
_PERIODS_A_STATEMENT = 300
# As many ranges of one width are asked for one by one.
_SINGLE = 4
# The number of a period, and from when until when.
_Piece = tuple[int, datetime, datetime]
SUMS = ", ".join(f"SUM({name})" for name in _COUNTED)


@dataclass(frozen=True, slots=True)
class Sums:
    """What some requests used: tokens by disjoint class, charge in nano-USD."""

    requests: int = 0
    input: int = 0
    cached_input: int = 0
    output: int = 0
    charge: int = 0

    @property
    def prompt(self) -> int:
        """All input tokens, cached or not."""
        return self.input + self.cached_input

    @property
    def tokens(self) -> int:
        """Input, cached input and output together."""
        return self.input + self.cached_input + self.output

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.requests + other.requests,
            self.input + other.input,
            self.cached_input + other.cached_input,
            self.output + other.output,
            self.charge + other.charge,
        )

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(
            self.requests - other.requests,
            self.input - other.input,
            self.cached_input - other.cached_input,
            self.output - other.output,
            self.charge - other.charge,
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """One organization's usage in [start, end), UTC instants on 15-minute edges; empty tuples mean all.

    `project_ids` of None means all projects; an empty tuple means none (a developer without a project).
    """

    organization_id: int
    start: datetime
    end: datetime
    project_ids: tuple[int, ...] | None = None
    key_ids: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    # Keys of these people.
    owner_ids: tuple[int, ...] = ()

    def who(self) -> tuple[str, list[Any]]:
        """The SQL condition without the time, and its parameters."""
        clauses = ["organization_id = %s"]
        params: list[Any] = [self.organization_id]
        if self.project_ids is not None:
            clauses.append(f"project_id IN {placeholders(len(self.project_ids))}" if self.project_ids else "1 = 0")
            params += self.project_ids
        for column, values in (("api_key_id", self.key_ids), ("model", self.models)):
            if values:
                clauses.append(f"{column} IN {placeholders(len(values))}")
                params += values
        if self.owner_ids:
            owned = f"SELECT id FROM accounts_apikey WHERE owner_id IN {placeholders(len(self.owner_ids))}"  # noqa: S608
            # As an array PostgreSQL knows it before it reads a span, and finds spans by the index of their keys.
            is_postgres = connection.vendor == "postgresql"
            clauses.append(f"api_key_id = ANY(ARRAY({owned}))" if is_postgres else f"api_key_id IN ({owned})")
            params += self.owner_ids
        return " AND ".join(clauses), params

    def lookups(self, instant: str) -> dict[str, Any]:
        """The same condition for the ORM; `instant` names the table's column of the time."""
        found: dict[str, Any] = {
            "organization_id": self.organization_id,
            f"{instant}__gte": self.start,
            f"{instant}__lt": self.end,
        }
        if self.project_ids is not None:
            found["project_id__in"] = self.project_ids
        if self.key_ids:
            found["api_key_id__in"] = self.key_ids
        if self.models:
            found["model__in"] = self.models
        if self.owner_ids:
            found["api_key__owner_id__in"] = self.owner_ids
        return found


def source_of(
    chosen: Filter,
    columns: Sequence[str],
    edges: Sequence[datetime] = (),
    counted: Sequence[str] = _COUNTED,
    besides: Sequence[str] = (),
) -> tuple[str, list[Any]]:
    """Rows to be summed up: `period` (the number of the time between two edges), `columns` and what is `counted`.

    Without edges the filter's own start and end are the only period. One statement has to read it, so that a row being
    folded is seen exactly once: in the spans of its time, or pending. `besides` are further tables, each
    `NAME WHERE ...` with a `bucket`, whose rows count too.
    """
    edges = edges or (chosen.start, chosen.end)
    pieces: dict[str, list[_Piece]] = {}
    for number, (since, until) in enumerate(pairwise(edges)):
        for level, first, last in cover(since, until, _levels(chosen, columns)):
            pieces.setdefault(f"{level.table} WHERE {level.where}", []).append((number, first, last))
        for condition in (_PENDING, *besides):
            pieces.setdefault(condition, []).append((number, since, until))
    who, who_params = chosen.who()
    names = ", ".join((*columns, *counted))
    selects: list[str] = []
    params: list[Any] = []
    for condition, found in pieces.items():
        # PostgreSQL sees what a single range is worth, and of many together only where they end.
        for part in [[piece] for piece in found] if len(found) <= _SINGLE else [found]:
            sql, values = _select(part, condition, names)
            selects.append(f"{sql} AND {who}")
            params += [*values, *who_params]
    return " UNION ALL ".join(selects), params


def _levels(chosen: Filter, columns: Sequence[str]) -> tuple[Level, ...]:
    """The fewest rows that tell apart what is asked. What some keys have is found by an index of those with models."""
    if chosen.key_ids or chosen.owner_ids:
        return OF_KEYS
    if "api_key_id" not in columns:
        return OF_PROJECTS
    return OF_KEYS if chosen.models or "model" in columns else OF_KEY_TOTALS


def _select(pieces: list[_Piece], condition: str, names: str) -> tuple[str, list[Any]]:
    adapt = connection.ops.adapt_datetimefield_value
    ends = [adapt(min(since for _, since, _ in pieces)), adapt(max(until for _, _, until in pieces))]
    between = "bucket >= %s AND bucket < %s"
    if len(pieces) == 1:
        return f"SELECT {pieces[0][0]} AS period, {names} FROM {condition} AND {between}", ends  # noqa: S608
    if connection.vendor == "postgresql" and _meet(pieces):
        # A search among the starts, where a join would compare every row with every piece.
        period = f"{pieces[0][0] - 1} + width_bucket(bucket, %s::timestamptz[])"
        starts = [since for _, since, _ in pieces]
        return f"SELECT {period} AS period, {names} FROM {condition} AND {between}", [starts, *ends]  # noqa: S608
    values = [value for number, since, until in pieces for value in (number, adapt(since), adapt(until))]
    rows = ",".join(["(%s,%s,%s)"] * len(pieces))
    # CROSS JOIN keeps this order on SQLite: one search of the index a piece.
    return (
        f"SELECT piece.column1 AS period, {names} FROM (VALUES {rows}) piece CROSS JOIN {condition} AND {between} "  # noqa: S608
        "AND bucket >= piece.column2 AND bucket < piece.column3",
        [*values, *ends],
    )


def _meet(pieces: list[_Piece]) -> bool:
    """Whether each piece begins where the one of the period before ends."""
    return all(one[0] + 1 == other[0] and one[2] == other[1] for one, other in pairwise(pieces))


def sums_of(values: Sequence[Any]) -> Sums:
    """The columns of SUMS as they come from the database; NULL is zero."""
    return Sums(*(int(value or 0) for value in values))


def totals(chosen: Filter) -> Sums:
    """Everything that the filter holds."""
    source, params = source_of(chosen, ())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {SUMS} FROM ({source}) s", params)  # noqa: S608
        return sums_of(cursor.fetchone())


def last_bucket(chosen: Filter) -> datetime | None:
    """The start of the newest 15 minutes in which the filter has a request."""
    newest = [
        table.objects.filter(**chosen.lookups("bucket")).order_by("-bucket").values_list("bucket", flat=True).first()
        for table in (UsageRollup, PendingRollup)
    ]
    return max((at for at in newest if at), default=None)


def breakdown(chosen: Filter, group: str) -> dict[Any, Sums]:
    """Sums by model name, key id or project id (`group` is one of GROUPS), dearest first."""
    column = GROUPS[group]
    source, params = source_of(chosen, (column,))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column}, {SUMS} FROM ({source}) s GROUP BY {column} "  # noqa: S608
            f"ORDER BY SUM(charge) DESC, SUM(requests) DESC, {column}",
            params,
        )
        return {row[0]: sums_of(row[1:]) for row in cursor.fetchall()}


def series(chosen: Filter, edges: Sequence[datetime], group: str | None = None) -> list[dict[Any, Sums]]:
    """Sums by group value (None without a group) for each of the periods between consecutive `edges` (UTC).

    The filter's own start and end are replaced by the first and last edge.
    """
    if len(edges) < 2:
        return []
    return series_by(chosen, edges, (group,) if group else ())


def series_by(chosen: Filter, edges: Sequence[datetime], groups: Sequence[str]) -> list[dict[Any, Sums]]:
    """As `series`; keys are the value of the only group, a tuple of values for several, None for none."""
    columns = [GROUPS[group] for group in groups]
    found: list[dict[Any, Sums]] = [{} for _ in edges[1:]]
    # A statement takes a limited number of parameters.
    for start in range(0, len(found), _PERIODS_A_STATEMENT):
        source, params = source_of(chosen, columns, edges[start : start + _PERIODS_A_STATEMENT + 1])
        by = ", ".join(("period", *columns))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {by}, {SUMS} FROM ({source}) s GROUP BY {by}", params)  # noqa: S608
            for row in cursor.fetchall():
                keys = row[1 : 1 + len(columns)]
                key = None if not keys else keys[0] if len(keys) == 1 else keys
                found[start + int(row[0])][key] = sums_of(row[1 + len(columns) :])
    return found


def parts(
    chosen: Filter, since: datetime, until: datetime, groups: Sequence[str], size: int
) -> Iterator[list[tuple[tuple[Any, ...], Sums]]]:
    """Sums between two instants by the values of several groups, in their order, at most `size` at once."""
    by = ", ".join(GROUPS[group] for group in groups)
    source, params = source_of(chosen, [GROUPS[group] for group in groups], (since, until))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {by}, {SUMS} FROM ({source}) s GROUP BY {by} ORDER BY {by}", params)  # noqa: S608
        rows = cursor.fetchall()
    number = len(groups)
    for start in range(0, len(rows), size):
        yield [(row[:number], sums_of(row[number:])) for row in rows[start : start + size]]


def day_edges(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """The UTC instants at which the zone's days from first to last begin, and the end of the last."""
    return [periods.day_start(day, zone) for day in periods.days_between(first, last + timedelta(days=1))]


def hour_edges(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """The hours of the zone's days from first to last: 23 or 25 on a day that changes the clock."""
    start = periods.day_start(first, zone)
    end = periods.day_start(last + timedelta(days=1), zone)
    hours = int((end - start) / timedelta(hours=1))
    return [start + timedelta(hours=n) for n in range(hours)] + [end]


def week_edges(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """The weeks from Monday that hold the zone's days from first to last; the first and the last may be cut."""
    days = periods.days_between(first, last)
    starts = [day for day in days if day == first or day.weekday() == 0]
    return [periods.day_start(day, zone) for day in [*starts, last + timedelta(days=1)]]


def month_edges(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """The calendar months that hold the zone's days from first to last; the first and the last may be cut."""
    starts = [day for day in periods.days_between(first, last) if day == first or day.day == 1]
    return [periods.day_start(day, zone) for day in [*starts, last + timedelta(days=1)]]


def quarter_edges(first: date, last: date, zone: ZoneInfo) -> list[datetime]:
    """The quarters of an hour of the zone's days from first to last."""
    start, end = periods.day_start(first, zone), periods.day_start(last + timedelta(days=1), zone)
    return even_edges(start, end, periods.BUCKET)


def even_edges(start: datetime, end: datetime, width: timedelta) -> list[datetime]:
    """Instants from start on every `width` until end, cut at end."""
    edges = []
    at = start.astimezone(UTC)
    while at < end:
        edges.append(at)
        at += width
    return [*edges, end]
