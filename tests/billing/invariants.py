"""The invariants of the money core, computed from the rows alone; each yields what breaks it.

Plain SQL reads the rows and plain Python adds them up, so that nothing here shares a line with the code that it judges.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

# Half-hour, quarter-hour and DST zones; every zone's days are unions of 15-minute buckets.
_ZONES = [ZoneInfo(name) for name in ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")]
_SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge")
_SELECTS = {
    "holds": "SELECT id, organization_id, api_key_id, state, amount, legs, window_legs, input_bound, output_cap, "
    "input_price, cached_input_price, output_price, admitted_at, lease_until FROM billing_hold",
    "events": "SELECT id, organization_id, project_id, api_key_id, model, occurred_at, input_tokens, "
    "cached_input_tokens, output_tokens, input_price, cached_input_price, output_price, price_ids, charge, overrun "
    "FROM usage_usageevent",
    "windows": "SELECT w.id, w.limit_id, w.starts_at, w.ends_at, w.opening, w.settled, w.held, w.cap, w.ceiling, "
    "w.next_alert, l.amount, l.is_hard, l.version, l.thresholds, l.removed_at, l.measure "
    "FROM billing_spendingwindow w JOIN billing_spendinglimit l ON l.id = w.limit_id",
    "grants": "SELECT id, organization_id, amount, burned, held, starts_at, expires_at, priority, is_paid "
    "FROM billing_creditgrant",
    "entries": 'SELECT "transaction", account, organization_id, amount, grant_id, event_id '
    "FROM billing_ledgerentry ORDER BY id",
    "rollups": "SELECT organization_id, bucket, project_id, api_key_id, model, requests, input_tokens, "
    "cached_input_tokens, output_tokens, charge FROM usage_usagerollup",
    "pending": "SELECT event_id, organization_id, bucket, project_id, api_key_id, model, requests, input_tokens, "
    "cached_input_tokens, output_tokens, charge FROM usage_pendingrollup",
    "alerts": "SELECT id, window_id, limit_version, threshold, reason, amount, settled FROM billing_alert",
    "prices": "SELECT id, token_class, unit_price FROM catalog_price",
}


class Row(dict[str, Any]):
    """One row of a table; columns as attributes."""

    __getattr__ = dict.__getitem__


@dataclass
class Rows:
    """All rows of the money core, as they are at one moment."""

    holds: list[Row]
    events: list[Row]
    windows: list[Row]
    grants: list[Row]
    entries: list[Row]
    rollups: list[Row]
    pending: list[Row]
    alerts: list[Row]
    prices: list[Row]
    now: datetime


def read(now: datetime) -> Rows:
    """The rows of the default connection."""
    found = {}
    with connection.cursor() as cursor:
        for name, sql in _SELECTS.items():
            cursor.execute(sql)
            columns = [column[0] for column in cursor.description]
            found[name] = [
                Row(zip(columns, map(plain, columns, values), strict=True)) for values in cursor.fetchall()
            ]  # fmt: skip
    return Rows(**found, now=now)


def plain(column: str, value: Any) -> Any:
    """A column as Python has it, whichever driver it comes from."""
    if column in {"legs", "window_legs", "thresholds"} and isinstance(value, str):
        return json.loads(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def windows_stay_in_bounds(rows: Rows) -> Iterator[str]:
    """1. 0 <= settled, 0 <= held, settled + held <= limit (or what was used when the limit was lowered under it)."""
    for window in rows.windows:
        used = window.settled + window.held
        if window.settled < 0 or window.held < 0 or window.settled < window.opening:
            yield f"window {window.id} is negative: {window}"
        if window.ceiling is not None and used > window.ceiling:
            yield f"window {window.id} is overshot: {window}"
        is_untouched = window.version == 1 and window.opening == 0
        if window.cap is not None and is_untouched and used > window.amount:
            yield f"window {window.id} is over its limit: {window}"


def windows_hold_what_is_under_way(rows: Rows) -> Iterator[str]:
    """2. held(window) = the sum of its active holds."""
    sums: Counter[int] = Counter()
    for hold in rows.holds:
        if hold.state == "active":
            for window_id, _, amount in hold.window_legs:
                sums[window_id] += amount
    for window in rows.windows:
        if window.held != sums[window.id]:
            yield f"window {window.id} holds {window.held}, its active holds {sums[window.id]}"


def windows_settled_what_was_charged(rows: Rows) -> Iterator[str]:
    """3. settled(window) = the sum of what its events used, besides what was used before the limit was set."""
    holds = {hold.id: hold for hold in rows.holds}
    sums: Counter[int] = Counter()
    for event in rows.events:
        for window_id, measure, amount in holds[event.id].window_legs:
            tokens = event.input_tokens + event.cached_input_tokens + event.output_tokens
            sums[window_id] += min(amount, {"usd": event.charge, "tokens": tokens, "requests": 1}[measure])
    for window in rows.windows:
        if window.settled - window.opening != sums[window.id]:
            yield f"window {window.id} settled {window.settled - window.opening}, its events {sums[window.id]}"


def holds_end_once(rows: Rows) -> Iterator[str]:
    """4. One usage event for every settled or recovered hold, none otherwise. (15: whoever won, it is one.)"""
    ended = {hold.id for hold in rows.holds if hold.state in {"settled", "recovered"}}
    events = Counter(event.id for event in rows.events)
    for pk in ended - events.keys():
        yield f"hold {pk} ended without an event"
    for pk, number in events.items():
        if pk not in ended or number != 1:
            yield f"hold {pk} has {number} events"


def charges_stay_within_holds(rows: Rows) -> Iterator[str]:
    """5. charge <= hold; charge + overrun = the priced actual."""
    holds = {hold.id: hold for hold in rows.holds}
    for event in rows.events:
        if event.charge > holds[event.id].amount:
            yield f"event {event.id} is charged {event.charge} of a hold of {holds[event.id].amount}"
        if event.charge + event.overrun != _priced(event):
            yield f"event {event.id}: {event.charge} + {event.overrun} is not {_priced(event)}"
        if event.overrun and event.charge != holds[event.id].amount:
            yield f"event {event.id} has an overrun although its hold was not used up"


def ledger_balances(rows: Rows) -> Iterator[str]:
    """6. Every transaction sums to zero; balances are sums of entries."""
    transactions: Counter[str] = Counter()
    by_grant: Counter[int] = Counter()
    revenue: Counter[int] = Counter()
    charged: Counter[int] = Counter()
    for entry in rows.entries:
        transactions[entry.transaction] += entry.amount
        if entry.account == "credit":
            by_grant[entry.grant_id] += entry.amount
        if entry.account == "revenue":
            revenue[entry.organization_id] += entry.amount
    for event in rows.events:
        charged[event.organization_id] += event.charge
    for name, total in transactions.items():
        if total:
            yield f"{name} sums to {total}"
    for grant in rows.grants:
        if by_grant[grant.id] != grant.amount - grant.burned:
            yield f"grant {grant.id} has {grant.amount - grant.burned}, its entries {by_grant[grant.id]}"
    if +revenue != +charged:
        yield f"revenue is {revenue}, charges are {charged}"


def grants_burn_in_order(rows: Rows) -> Iterator[str]:
    """7. 0 <= burned + held <= amount; nothing held after expiry; burned by the order and first leg first."""
    grants = {grant.id: grant for grant in rows.grants}
    held: Counter[int] = Counter()
    burned: Counter[int] = Counter()
    for hold in rows.holds:
        for grant_id, amount in hold.legs:
            grant = grants[grant_id]
            held[grant_id] += amount if hold.state == "active" else 0
            if not grant.starts_at <= hold.admitted_at or (grant.expires_at and grant.expires_at <= hold.admitted_at):
                yield f"hold {hold.id} stands on grant {grant_id}, which did not live"
            if grant.organization_id != hold.organization_id:
                yield f"hold {hold.id} stands on somebody else's grant"
        if sum(amount for _, amount in hold.legs) != hold.amount:
            yield f"hold {hold.id} has legs {hold.legs} for {hold.amount}"
        order = [_order(grants[grant_id]) for grant_id, _ in hold.legs]
        if order != sorted(order):
            yield f"hold {hold.id} stands on {hold.legs}, out of order"
    yield from _burned(rows, burned)
    for grant in rows.grants:
        if not (grant.burned >= 0 and grant.held >= 0 and grant.burned + grant.held <= grant.amount):
            yield f"grant {grant.id} is overdrawn: {grant}"
        if (grant.held, grant.burned) != (held[grant.id], burned[grant.id]):
            yield f"grant {grant.id} is {grant}, its holds {held[grant.id]}, its events {burned[grant.id]}"


def _burned(rows: Rows, burned: "Counter[int]") -> Iterator[str]:
    """What every event burned, by its ledger entries and by the legs of its hold."""
    holds = {hold.id: hold for hold in rows.holds}
    posted = defaultdict(list)
    for entry in rows.entries:
        if entry.event_id is not None and entry.account == "credit":
            posted[entry.event_id].append((entry.grant_id, -entry.amount))
    for event in rows.events:
        left = event.charge
        expected = []
        for grant_id, amount in holds[event.id].legs:
            part = min(left, amount)
            left -= part
            burned[grant_id] += part
            if part:
                expected.append((grant_id, part))
        if posted[event.id] != expected:
            yield f"event {event.id} burned {posted[event.id]}, expected {expected}"


def _order(grant: Row) -> tuple[Any, ...]:
    never = datetime.max.replace(tzinfo=UTC)
    return grant.priority, grant.expires_at or never, bool(grant.is_paid), grant.id


def rollups_and_pending_are_the_events(rows: Rows) -> Iterator[str]:
    """8. rollup + pending = events, in every bucket and dimension, and in every day of any zone."""
    stored: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for row in [*rows.rollups, *rows.pending]:
        name = (row.organization_id, row.bucket, row.project_id, row.api_key_id, row.model)
        stored[name] = [before + row[column] for before, column in zip(stored[name], _SUMS, strict=True)]
    expected: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for event in rows.events:
        at = event.occurred_at
        bucket = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
        name = (event.organization_id, bucket, event.project_id, event.api_key_id, event.model)
        used = (1, event.input_tokens, event.cached_input_tokens, event.output_tokens, event.charge)
        expected[name] = [before + more for before, more in zip(expected[name], used, strict=True)]
    if stored != expected:
        yield f"rollups and pending are {dict(stored)}, the events {dict(expected)}"
    for zone in _ZONES:
        days: Counter[Any] = Counter()
        for name, sums in stored.items():
            days[name[1].astimezone(zone).date()] += sums[-1]
        for event in rows.events:
            days[event.occurred_at.astimezone(zone).date()] -= event.charge
        if any(days.values()):
            yield f"days of {zone} differ: {days}"


def events_reprice_to_their_charge(rows: Rows) -> Iterator[str]:
    """9. The pinned prices give the charge again, and are those of the price rows and the hold that were pinned."""
    prices = {price.id: price for price in rows.prices}
    holds = {hold.id: hold for hold in rows.holds}
    for event in rows.events:
        pinned = (event.input_price, event.cached_input_price, event.output_price)
        hold = holds[event.id]
        if min(_priced(event), hold.amount) != event.charge:
            yield f"event {event.id} reprices to {_priced(event)}, charged {event.charge}"
        found = [prices[int(pk)] for pk in event.price_ids.split(",")]
        if [price.token_class for price in found] != ["input", "cached_input", "output"]:
            yield f"event {event.id} names prices {event.price_ids}"
        if pinned != tuple(price.unit_price for price in found):
            yield f"event {event.id} was charged at {pinned}, its price rows say {found}"
        if pinned != (hold.input_price, hold.cached_input_price, hold.output_price):
            yield f"event {event.id} was charged at {pinned}, its hold says {hold}"


def alerts_fire_once(rows: Rows) -> Iterator[str]:
    """12. At most one alert a window, version and threshold, and one for every crossing."""
    told = Counter((alert.window_id, alert.limit_version, alert.threshold) for alert in rows.alerts)
    for name, number in told.items():
        if number > 1:
            yield f"{number} alerts for {name}"
    for alert in rows.alerts:
        if alert.reason == "threshold" and alert.settled * 100 < alert.amount * alert.threshold:
            yield f"alert {alert.id} came too early: {alert}"
    for window in rows.windows:
        is_open = window.ends_at is None or window.ends_at > rows.now
        # A window that had ended is not told of another amount.
        if window.removed_at or (window.version != 1 and not is_open):
            continue
        for percent in window.thresholds:
            is_crossed = 0 < window.amount * percent <= window.settled * 100
            if is_crossed and not told[window.id, window.version, percent]:
                yield f"window {window.id} passed {percent} % untold: {window}"


def _priced(event: Row) -> int:
    pico = (
        event.input_tokens * event.input_price
        + event.cached_input_tokens * event.cached_input_price
        + event.output_tokens * event.output_price
    )
    # Whole nano-USD: what is less than one is not charged.
    return int(str(pico)[:-3] or 0)


ALL: tuple[Callable[[Rows], Iterator[str]], ...] = (
    windows_stay_in_bounds,
    windows_hold_what_is_under_way,
    windows_settled_what_was_charged,
    holds_end_once,
    charges_stay_within_holds,
    ledger_balances,
    grants_burn_in_order,
    rollups_and_pending_are_the_events,
    events_reprice_to_their_charge,
    alerts_fire_once,
)


def broken(now: datetime) -> list[str]:
    """Everything that breaks an invariant."""
    rows = read(now)
    return [f"{check.__name__}: {what}" for check in ALL for what in check(rows)]


@dataclass(frozen=True)
class Room:
    """What one open window, or the credit, has left; negative where a limit was lowered under what is used."""

    measure: str
    left: int


def rooms(key: Any, now: datetime) -> list[Room]:
    """17. What stands between a key and its next request, by the rows alone."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.id, l.measure, l.amount FROM billing_spendinglimit l WHERE l.removed_at IS NULL AND l.is_hard "
            "AND (l.api_key_id = %s OR l.project_id = %s OR "
            "(l.organization_id = %s AND l.project_id IS NULL AND l.api_key_id IS NULL))",
            [key.pk, key.project_id, key.organization_id],
        )
        for limit_id, measure, amount in cursor.fetchall():
            cursor.execute(
                "SELECT settled + held FROM billing_spendingwindow WHERE limit_id = %s AND starts_at <= %s "
                "AND (ends_at IS NULL OR ends_at > %s)",
                [limit_id, now, now],
            )
            used = cursor.fetchall()
            assert len(used) < 2, f"limit {limit_id} has {len(used)} open windows"
            found.append(Room(measure, amount - (used[0][0] if used else 0)))
        cursor.execute(
            "SELECT COALESCE(SUM(amount - burned - held), 0) FROM billing_creditgrant WHERE organization_id = %s "
            "AND starts_at <= %s AND (expires_at IS NULL OR expires_at > %s)",
            [key.organization_id, now, now],
        )
        found.append(Room("usd", int(cursor.fetchone()[0])))
    return found


def fits(found: list[Room], amount: int, tokens: int) -> bool:
    """Whether every one of them has room for a request."""
    needs = {"usd": amount, "tokens": tokens, "requests": 1}
    return all(needs[room.measure] <= room.left for room in found)
