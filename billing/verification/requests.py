"""Every request, hold beside event, in the order of their ids."""

from collections.abc import Iterator

from billing.verification import charges
from billing.verification.burning import Burning
from billing.verification.difference import Difference, difference
from billing.verification.pinned_prices import PinnedPrices
from billing.verification.rows import EventRow, HoldRow, count, entries_of, existing, stream
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from billing.verification.window_legs import WindowLegs
from foundation.keyset import chunks

Pair = tuple[HoldRow | None, EventRow | None]


def check(scope: Scope, tally: Tally) -> Iterator[Difference]:
    """Holds, events, prices, legs and their ledger entries; fills the tally of what is held and settled."""
    prices, burning, windows = PinnedPrices(), Burning(tally), WindowLegs(tally)
    scope.progress.begin("requests", count("billing_hold", scope))
    for chunk in chunks(pairs(scope)):
        for _, event in chunk:
            if event is not None:
                yield from prices.check(event)
        yield from _batched(chunk)
        # What was ingested had no hold; its batch is looked at by itself.
        chunk = [(hold, event) for hold, event in chunk if hold is not None or event is None or event.batch_id is None]
        events = [event for _, event in chunk if event is not None]
        for hold, event in chunk:
            yield from charges.check(hold, event)
        yield from burning.check(chunk, entries_of([f"event:{event.id}" for event in events]))
        yield from windows.check(chunk)
        scope.progress.advance(len(chunk))


def _batched(chunk: list[Pair]) -> Iterator[Difference]:
    """An ingested event has a batch and no hold."""
    ingested = [(hold, event) for hold, event in chunk if event is not None and event.batch_id is not None]
    batches = existing("billing_ingestionbatch", sorted({event.batch_id for _, event in ingested if event.batch_id}))
    for hold, event in ingested:
        if event.batch_id not in batches:
            yield difference("event", event.id, "its ingestion batch", event.batch_id, None)
        if hold is not None:
            yield difference("event", event.id, "its hold", None, "one, although it was ingested")


def pairs(scope: Scope) -> Iterator[Pair]:
    """Each hold with its event, or either alone."""
    holds, events = stream(HoldRow, ["id"], scope), stream(EventRow, ["id"], scope)
    hold, event = next(holds, None), next(events, None)
    while hold is not None or event is not None:
        if event is None or (hold is not None and hold.id < event.id):
            yield hold, None
            hold = next(holds, None)
        elif hold is None or event.id < hold.id:
            yield None, event
            event = next(events, None)
        else:
            yield hold, event
            hold, event = next(holds, None), next(events, None)
