"""Ingested usage: every batch has its events, charges, ledger transaction and windows as the events say."""

from collections.abc import Iterator
from typing import Any

from billing import rating
from billing.ingestion.identity import identity
from billing.verification import batch_ledger, corrections
from billing.verification.batch_windows import BatchWindows
from billing.verification.difference import Difference, compare, difference
from billing.verification.late_usage import LateUsageSums
from billing.verification.rows import BatchRow, IngestedRow, count, entries_of, ingested_between, stream
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from foundation.money import UnitPrices
from usage.counts import TokenCounts
from usage.models.event import CORRECTIONS, INGESTED

_MOST_EVENTS = 10_000
Batches = list[BatchRow]


def check(scope: Scope, tally: Tally) -> Iterator[Difference]:
    """Batch by batch; fills the tally of what windows settled and got back."""
    scope.progress.begin("ingestion batches", count("billing_ingestionbatch", scope))
    windows, late = BatchWindows(tally), LateUsageSums()
    for batches in _together(stream(BatchRow, ["id"], scope)):
        events: dict[int, list[IngestedRow]] = {batch.id: [] for batch in batches}
        for event in ingested_between(
            min(one.first_event_id for one in batches), max(one.last_event_id for one in batches)
        ):
            if event.batch_id in events:
                events[event.batch_id].append(event)
        entries = entries_of([batch_ledger.transaction(batch) for batch in batches])
        for batch in batches:
            yield from _batch(batch, events[batch.id])
            yield from batch_ledger.check(batch, entries.get(batch_ledger.transaction(batch), []))
            yield from windows.check(batch, events[batch.id])
            late.add(batch, events[batch.id])
        yield from corrections.check([event for found in events.values() for event in found])
        scope.progress.advance(len(batches))
    yield from late.check(scope)


def _together(batches: Iterator[BatchRow]) -> Iterator[Batches]:
    """As many batches at a time as have no more events than fit into memory easily."""
    part: Batches = []
    events = 0
    for batch in batches:
        if part and events + batch.events > _MOST_EVENTS:
            yield part
            part, events = [], 0
        part.append(batch)
        events += batch.events
    if part:
        yield part


def _batch(batch: BatchRow, events: list[IngestedRow]) -> Iterator[Difference]:
    values: list[tuple[str, Any, Any]] = [
        ("number of its events", batch.events, len(events)),
        ("charge", sum(event.charge for event in events), batch.charge),
    ]
    yield from compare("batch", batch.id, values)
    for event in events:
        yield from _event(batch, event)


def _event(batch: BatchRow, event: IngestedRow) -> Iterator[Difference]:
    expected = identity(event.organization_id, (event.source, event.external_id))
    # PostgreSQL returns it with dashes, SQLite without.
    found = str(event.identity).replace("-", "")
    if (event.organization_id, found, event.overrun) != (batch.organization_id, expected, 0):
        values: list[tuple[str, Any, Any]] = [
            ("organization of its batch", batch.organization_id, event.organization_id),
            ("identity", expected, found),
            ("overrun", 0, event.overrun),
        ]
        yield from compare("event", event.id, values)
    if event.usage_source == INGESTED:
        yield from _charged(event)
    elif event.usage_source not in CORRECTIONS:
        yield difference("event", event.id, "where its counts come from", INGESTED, event.usage_source)


def _charged(event: IngestedRow) -> Iterator[Difference]:
    counts = TokenCounts(event.input_tokens, event.cached_input_tokens, event.output_tokens)
    if min(counts.input, counts.cached_input, counts.output) < 0:
        yield difference("event", event.id, "tokens", "none below zero", counts)
        return
    prices = UnitPrices(event.input_price, event.cached_input_price, event.output_price)
    charge = rating.charge(counts, prices)
    if charge != event.charge:
        yield difference("event", event.id, "charge", charge, event.charge)
