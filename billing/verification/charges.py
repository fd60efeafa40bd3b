"""A request's hold and its usage event: one event for what was used, charged as its pinned prices say."""

from collections.abc import Iterator

from billing import rating
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import SHARED, EventRow, HoldRow
from foundation.money import UnitPrices
from usage.counts import TokenCounts

ACTIVE = "active"
_USED = ("settled", "recovered")
_SHARED = len(SHARED)


def check(hold: HoldRow | None, event: EventRow | None) -> Iterator[Difference]:
    """At least one of the two is there."""
    if hold is not None:
        yield from _held(hold)
        yield from _recorded(hold, event)
    if event is not None:
        yield from _charged(hold, event)


def _held(hold: HoldRow) -> Iterator[Difference]:
    expected = rating.hold(hold.input_bound, hold.output_cap, prices_of(hold))
    if hold.amount != expected:
        yield difference("hold", hold.id, "amount of its bounds and prices", expected, hold.amount)


def _recorded(hold: HoldRow, event: EventRow | None) -> Iterator[Difference]:
    """One usage event a settled or recovered hold, none otherwise, with the columns of its hold."""
    if event is None:
        if hold.state in _USED:
            yield difference("hold", hold.id, "its usage event", f"one, as it is {hold.state}", "none")
        return
    if hold.state not in _USED:
        yield difference("hold", hold.id, "its usage event", f"none, as it is {hold.state}", "one")
    if hold[:_SHARED] != event[:_SHARED]:
        yield from compare("event", event.id, zip(SHARED, hold, event, strict=False))


def _charged(hold: HoldRow | None, event: EventRow) -> Iterator[Difference]:
    counts = TokenCounts(event.input_tokens, event.cached_input_tokens, event.output_tokens)
    if min(counts.input, counts.cached_input, counts.output) < 0:
        yield difference("event", event.id, "tokens", "none below zero", counts)
        return
    actual = rating.charge(counts, prices_of(event))
    if hold is None:
        yield difference("event", event.id, "its hold", "one", None)
        yield from compare("event", event.id, [("charge + overrun", actual, event.charge + event.overrun)])
        return
    charge = min(actual, hold.amount)
    if (event.charge, event.overrun) != (charge, actual - charge):
        values = [("charge", charge, event.charge), ("overrun", actual - charge, event.overrun)]
        yield from compare("event", event.id, values)


def prices_of(row: HoldRow | EventRow) -> UnitPrices:
    """The pinned prices."""
    return UnitPrices(row.input_price, row.cached_input_price, row.output_price)
