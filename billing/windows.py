"""The windows that a batch of requests must fit into: read, opened when their period begins, counted in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Max, Min

from billing.callers import Caller
from billing.models.limit import Measure, SpendingLimit, SpendingWindow
from billing.moment import Moment
from billing.terms import WindowLeg
from foundation import periods
from foundation.money import usd_string
from foundation.sql import Cursor, utc

USD, TOKENS, REQUESTS = str(Measure.USD), str(Measure.TOKENS), str(Measure.REQUESTS)
_SCOPES = ("key", "project", "organization")
# Where a lifetime begins: before everything.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_READ = """
    SELECT l.id, l.organization_id, l.project_id, l.api_key_id, l.measure, l."window", l.amount, l.is_hard,
           w.id, w.settled, w.held, w.cap, w.ends_at
    FROM billing_spendinglimit l
    LEFT JOIN billing_spendingwindow w
        ON w.limit_id = l.id AND w.starts_at <= %s AND (w.ends_at IS NULL OR w.ends_at > %s)
    WHERE l.removed_at IS NULL AND """
_NAMES = {USD: "spending", TOKENS: "token", REQUESTS: "request"}
_PERIODS = {"day": "daily", "week": "weekly", "month": "monthly", "lifetime": "lifetime"}


@dataclass(slots=True)
class Room:
    """One open window as read at the start of the batch, less what the batch took; amounts in its measure."""

    window_id: int
    limit_id: int
    scope: str
    measure: str
    period: str
    # The limit's amount; a soft limit refuses nothing.
    amount: int
    is_hard: bool
    # Settled and held.
    used: int
    ends_at: datetime | None

    @property
    def left(self) -> int:
        """What a hard limit still allows; never below zero."""
        return max(0, self.amount - self.used)

    def refuses(self, needed: int) -> bool:
        """Whether a hard limit has no room for so much; lowered under what is used, it has none for nothing either."""
        return self.is_hard and self.used + needed > self.amount

    @property
    def name(self) -> str:
        """Such as `monthly spending limit`."""
        return limit_name(self.measure, self.period)

    @property
    def resets_at(self) -> str | None:
        """ISO 8601 in UTC; None for a lifetime."""
        return periods.iso(self.ends_at) if self.ends_at else None

    def said(self, amount: int) -> str:
        """An amount of the measure as an exact decimal string."""
        return said(self.measure, amount)


Rooms = dict[tuple[str, int], list[Room]]


def limit_name(measure: str, period: str) -> str:
    """Such as `monthly spending limit`."""
    return f"{_PERIODS[period]} {_NAMES[measure]} limit"


def said(measure: str, amount: int) -> str:
    """USD or a count, as an exact decimal string."""
    return usd_string(amount) if measure == USD else str(amount)


def load(cursor: Cursor, found: Iterable[Caller | None], effects: dict[int, int], moment: Moment) -> Rooms:
    """Open windows by (scope, id) of everything that these callers belong to. `effects`: what the batch already
    took or freed by window id.
    """
    known = {caller.principal.key_id: caller for caller in found if caller and caller.has_limits}
    if not known:
        return {}
    rows = _read(cursor, known.values(), moment)
    missing = [row for row in rows if row[8] is None]
    if missing:
        zones = {caller.principal.organization_id: caller.zone for caller in known.values()}
        for row in sorted(missing, key=itemgetter(0)):
            open_window(row[0], zones[row[1]], moment.now)
        rows = _read(cursor, known.values(), moment)
    rooms: Rooms = {}
    for row in rows:
        scope, scope_id, room = _room(row, effects)
        rooms.setdefault((scope, scope_id), []).append(room)
    return rooms


def of_caller(rooms: Rooms, caller: Caller) -> list[Room]:
    """The windows of one caller in the order in which they refuse: key, project, organization."""
    if not rooms:
        return []
    who = caller.principal
    ids = (who.key_id, who.project_id, who.organization_id)
    return [room for scope, scope_id in zip(_SCOPES, ids, strict=True) for room in rooms.get((scope, scope_id), ())]


def leg(room: Room, amount: int, tokens: int) -> WindowLeg:
    """What a request of at most `amount` nano-USD and `tokens` holds on a window."""
    return WindowLeg(room.window_id, room.measure, need(room.measure, amount, tokens))


def need(measure: str, amount: int, tokens: int) -> int:
    """The part of (nano-USD, tokens, one request) that a measure counts."""
    return amount if measure == USD else tokens if measure == TOKENS else 1


def open_window(limit_id: int, zone: ZoneInfo, now: datetime, opening: int = 0) -> None:
    """Insert the window of the period that holds `now` unless it exists. Locks the limit first, so that a change of
    the limit and an opening cannot pass each other unseen.
    """
    SpendingLimit.objects.filter(pk=limit_id).update(version=F("version"))
    limit = SpendingLimit.objects.get(pk=limit_id)
    starts_at, ends_at = periods.bounds(limit.window, now, zone)
    starts_at = starts_at or BEGINNING
    # Where the organization moved to another zone: periods never overlap.
    last_end = limit.windows.filter(ends_at__lte=now).aggregate(last=Max("ends_at"))["last"]
    if last_end is not None and starts_at < last_end:
        starts_at = last_end
    next_start = limit.windows.filter(starts_at__gt=now).aggregate(next=Min("starts_at"))["next"]
    if next_start is not None and ends_at is not None and next_start < ends_at:
        ends_at = next_start
    cap = limit.amount if limit.is_hard else None
    window = SpendingWindow(
        limit=limit,
        starts_at=starts_at,
        ends_at=ends_at,
        opening=opening,
        settled=opening,
        cap=cap,
        ceiling=None if cap is None else max(cap, opening),
        next_alert=next_alert(limit.amount, limit.thresholds, opening),
    )
    SpendingWindow.objects.bulk_create([window], ignore_conflicts=True)


def next_alert(amount: int, thresholds: list[int], settled: int) -> int | None:
    """The smallest settled amount above `settled` that reaches one of the thresholds (percent)."""
    points = (-(-amount * percent // 100) for percent in thresholds)
    return min((point for point in points if point > settled), default=None)


def _read(cursor: Cursor, known: Iterable[Caller], moment: Moment) -> list[tuple[Any, ...]]:
    key_ids, project_ids, organization_ids = [], set(), set()
    for caller in known:
        key_ids.append(caller.principal.key_id)
        project_ids.add(caller.principal.project_id)
        organization_ids.add(caller.principal.organization_id)
    # Three index scans; a limit on a project or a key also names its organization.
    sql = (
        f"{_READ} (l.api_key_id = ANY(%s) OR l.project_id = ANY(%s) OR (l.organization_id = ANY(%s) "
        "AND l.project_id IS NULL AND l.api_key_id IS NULL)) ORDER BY l.id"
    )
    params = [moment.value, moment.value, key_ids, list(project_ids), list(organization_ids)]
    return cursor.execute(sql, params).fetchall()


def _room(row: tuple[Any, ...], effects: dict[int, int]) -> tuple[str, int, Room]:
    (
        limit_id, organization_id, project_id, key_id, measure, period, amount, is_hard, window_id, settled, held, cap,
        ends_at,
    ) = row  # fmt: skip
    scope, scope_id = (
        ("key", key_id) if key_id else ("project", project_id) if project_id else ("organization", organization_id)
    )
    room = Room(
        window_id=window_id,
        limit_id=limit_id,
        scope=scope,
        measure=measure,
        period=period,
        amount=amount if cap is None else cap,
        is_hard=bool(is_hard),
        used=settled + held + effects.get(window_id, 0),
        ends_at=utc(ends_at),
    )
    return scope, scope_id, room
