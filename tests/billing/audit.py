"""What must be true of the books at any moment, computed from the rows: written apart from the code that it judges."""

import json
from collections import Counter, defaultdict

from django.db.models import Sum

from billing.models import Alert, CreditGrant, Hold, LedgerEntry, SpendingWindow
from usage.models import PendingRollup, UsageEvent, UsageRollup

_SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge")


def check(*, at_rest: bool = False) -> None:
    """Invariants 1 to 9 and 12 of the money core; with `at_rest` nothing may be held."""
    holds = {hold.pk: hold for hold in Hold.objects.all()}
    events = {event.pk: event for event in UsageEvent.objects.all()}
    _holds_and_events(holds, events)
    _grants(holds)
    _windows(holds, events)
    _ledger(events)
    _rollups(events)
    assert not _repeated(Alert.objects.values_list("window", "limit_version", "threshold"))
    if at_rest:
        assert not [hold for hold in holds.values() if hold.state == "active"]


def _holds_and_events(holds: dict[int, Hold], events: dict[int, UsageEvent]) -> None:
    assert set(events) <= set(holds)
    for pk, hold in holds.items():
        event = events.get(pk)
        if hold.state == "settled":
            assert event is not None, hold
        if hold.state in ("active", "released"):
            assert event is None, hold
        if event is None:
            continue
        pico = (
            event.input_tokens * event.input_price
            + event.cached_input_tokens * event.cached_input_price
            + event.output_tokens * event.output_price
        )
        assert event.charge + event.overrun == pico // 1000
        assert 0 <= event.charge <= hold.amount
        assert event.charge == min(pico // 1000, hold.amount)
        assert (event.organization_id, event.project_id, event.api_key_id, event.occurred_at) == (
            hold.organization_id,
            hold.project_id,
            hold.api_key_id,
            hold.admitted_at,
        )


def _grants(holds: dict[int, Hold]) -> None:
    held: Counter[int] = Counter()
    for hold in holds.values():
        legs = json.loads(hold.legs)
        assert sum(amount for _, amount in legs) == hold.amount
        if hold.state == "active":
            held.update(dict(legs))
    entries = LedgerEntry.objects.filter(account="credit").exclude(grant_id=None)
    burned: Counter[int] = Counter()
    for entry in entries.exclude(event_id=None):
        burned[entry.grant_id] -= entry.amount
    for grant in CreditGrant.objects.all():
        assert grant.held == held[grant.pk], grant
        assert grant.burned == burned[grant.pk], grant
        assert 0 <= grant.burned + grant.held <= grant.amount


def _windows(holds: dict[int, Hold], events: dict[int, UsageEvent]) -> None:
    held: Counter[int] = Counter()
    settled: Counter[int] = Counter()
    for hold in holds.values():
        for window_id, measure, amount in json.loads(hold.window_legs):
            event = events.get(hold.pk)
            if hold.state == "active":
                held[window_id] += amount
            elif event is not None:
                tokens = event.input_tokens + event.cached_input_tokens + event.output_tokens
                used = {"usd": event.charge, "tokens": tokens, "requests": 1}[measure]
                settled[window_id] += min(used, amount)
    for window in SpendingWindow.objects.select_related("limit"):
        assert window.held == held[window.pk], window
        assert window.settled == window.opening + settled[window.pk], window
        assert window.held >= 0 and window.settled >= 0
        assert (window.ceiling is None) == (window.cap is None)
        if window.ceiling is not None and window.cap is not None:
            assert window.settled + window.held <= window.ceiling
            assert window.cap <= window.ceiling


def _ledger(events: dict[int, UsageEvent]) -> None:
    sums: Counter[str] = Counter()
    revenue: Counter[int] = Counter()
    for entry in LedgerEntry.objects.all():
        sums[entry.transaction] += entry.amount
        if entry.account == "revenue":
            assert entry.event_id is not None
            revenue[entry.event_id] += entry.amount
    assert not [name for name, amount in sums.items() if amount]
    assert {pk: amount for pk, amount in revenue.items() if amount} == {
        pk: event.charge for pk, event in events.items() if event.charge
    }


def _rollups(events: dict[int, UsageEvent]) -> None:
    expected: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for event in events.values():
        minute = event.occurred_at.minute // 15 * 15
        bucket = event.occurred_at.replace(minute=minute, second=0, microsecond=0)
        sums = expected[event.organization_id, event.project_id, event.api_key_id, event.model, bucket]
        values = (1, event.input_tokens, event.cached_input_tokens, event.output_tokens, event.charge)
        for place, value in enumerate(values):
            sums[place] += value
    found: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for table in (UsageRollup, PendingRollup):
        rows = table.objects.values_list("organization_id", "project_id", "api_key_id", "model", "bucket")
        for row in rows.annotate(*[Sum(name, default=0) for name in _SUMS]).order_by():
            for place, value in enumerate(row[5:]):
                found[row[:5]][place] += value
    assert dict(found) == dict(expected)


def _repeated(rows: object) -> list[object]:
    return [row for row, number in Counter(rows).items() if number > 1]  # type: ignore[call-overload]
