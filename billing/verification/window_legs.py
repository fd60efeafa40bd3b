"""What requests hold and settle on spending windows: on theirs only, in the window of their admission."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import orjson

from billing import windows
from billing.models import SpendingWindow
from billing.terms import WindowLeg
from billing.verification.charges import ACTIVE
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import EventRow, HoldRow
from billing.verification.tally import Tally
from foundation.sql import utc

_MOST_REMEMBERED = 20_000
_NEVER = datetime.max.replace(tzinfo=UTC)
_NONE = "[]"
Legs = list[WindowLeg]


class WindowLegs:
    """Remembers the windows that were met lately."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._windows: dict[int, SpendingWindow] = {}

    def check(self, chunk: list[tuple[HoldRow | None, EventRow | None]]) -> Iterator[Difference]:
        """The legs of some requests."""
        found = [(hold, event, _read(hold)) for hold, event in chunk if hold is not None and hold.window_legs != _NONE]
        self._remember({leg.window_id for _, _, legs in found for leg in legs or ()})
        for hold, event, legs in found:
            if legs is None:
                yield difference("hold", hold.id, "window legs", "[[window, measure, amount], ...]", hold.window_legs)
                continue
            for leg in legs:
                yield from self._leg(hold, leg)
                self._count(hold, event, leg)

    def _remember(self, window_ids: set[int]) -> None:
        if len(self._windows) > _MOST_REMEMBERED:
            self._windows.clear()
        missing: Iterable[int] = window_ids - self._windows.keys()
        if missing:
            self._windows.update(SpendingWindow.objects.select_related("limit").in_bulk(list(missing)))

    def _leg(self, hold: HoldRow, leg: WindowLeg) -> Iterator[Difference]:
        window = self._windows.get(leg.window_id)
        if window is None:
            yield difference("hold", hold.id, "windows of its legs", f"window {leg.window_id}", None)
            return
        limit = window.limit
        about = f"of its leg on window {window.pk}"
        at = utc(hold.admitted_at) or _NEVER
        if not window.starts_at <= at < (window.ends_at or _NEVER):
            period = f"admission from {window.starts_at} to {window.ends_at or 'ever'}"
            yield difference("hold", hold.id, f"period {about}", period, at)
        subject = (limit.organization_id, limit.project_id or hold.project_id, limit.api_key_id or hold.api_key_id)
        if subject != (hold.organization_id, hold.project_id, hold.api_key_id):
            yield difference("hold", hold.id, f"limit {about}", f"one on its {limit.scope}", f"limit {limit.pk}")
        amount = windows.need(limit.measure, hold.amount, hold.input_bound + hold.output_cap)
        values = [(f"measure {about}", limit.measure, leg.measure), (f"amount {about}", amount, leg.amount)]
        yield from compare("hold", hold.id, values)

    def _count(self, hold: HoldRow, event: EventRow | None, leg: WindowLeg) -> None:
        if hold.state == ACTIVE:
            self._tally.window_held[leg.window_id] += leg.amount
        if event is not None:
            tokens = event.input_tokens + event.cached_input_tokens + event.output_tokens
            used = windows.need(leg.measure, event.charge, tokens)
            self._tally.window_settled[leg.window_id] += min(used, leg.amount)


def _read(hold: HoldRow) -> Legs | None:
    try:
        legs = [WindowLeg(*leg) for leg in orjson.loads(hold.window_legs)]
    except (ValueError, TypeError):
        return None
    return legs if all(type(leg.window_id) is int and type(leg.amount) is int for leg in legs) else None
