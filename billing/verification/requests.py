"""Every request, hold beside event, in the order of their ids."""

from collections.abc import Iterator

from billing.verification import charges
from billing.verification.burning import Burning
from billing.verification.difference import Difference
from billing.verification.pinned_prices import PinnedPrices
from billing.verification.rows import EventRow, HoldRow, count, entries_of, stream
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
        events = [event for _, event in chunk if event is not None]
        for hold, event in chunk:
            yield from charges.check(hold, event)
        for event in events:
            yield from prices.check(event)
        yield from burning.check(chunk, entries_of([f"event:{event.id}" for event in events]))
        yield from windows.check(chunk)
        scope.progress.advance(len(chunk))


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
