"""What ingestion batches settle on spending windows: what their events were, in the windows' periods."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from billing import windows
from billing.models import SpendingWindow
from billing.terms import WindowLeg
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import BatchRow, IngestedRow, requests_of
from billing.verification.tally import Tally
from foundation.sql import utc

_MOST_REMEMBERED = 20_000
_NEVER = datetime.max.replace(tzinfo=UTC)
_NONE = "[]"


class BatchWindows:
    """Remembers the windows that were met lately."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._windows: dict[int, SpendingWindow] = {}

    def check(self, batch: BatchRow, events: list[IngestedRow]) -> Iterator[Difference]:
        """The legs of one batch; fills the tally."""
        if batch.window_legs == _NONE:
            return
        legs = _read(batch)
        if legs is None:
            yield difference("batch", batch.id, "window legs", "[[window, measure, amount], ...]", batch.window_legs)
            return
        self._remember({leg.window_id for leg in legs})
        for leg in legs:
            yield from self._leg(batch, leg, events)
            self._tally.window_settled[leg.window_id] += leg.amount
            self._tally.window_returned[leg.window_id] += max(0, -leg.amount)

    def _remember(self, window_ids: set[int]) -> None:
        if len(self._windows) > _MOST_REMEMBERED:
            self._windows.clear()
        missing = window_ids - self._windows.keys()
        if missing:
            self._windows.update(SpendingWindow.objects.select_related("limit").in_bulk(list(missing)))

    def _leg(self, batch: BatchRow, leg: WindowLeg, events: list[IngestedRow]) -> Iterator[Difference]:
        window = self._windows.get(leg.window_id)
        if window is None:
            yield difference("batch", batch.id, "windows of its legs", f"window {leg.window_id}", None)
            return
        limit = window.limit
        about = f"of its leg on window {window.pk}"
        amount = sum(_used(limit.measure, event) for event in events if _is_in(event, window))
        values = [
            (f"organization {about}", batch.organization_id, limit.organization_id),
            (f"measure {about}", limit.measure, leg.measure),
            (f"amount {about}", amount, leg.amount),
        ]
        yield from compare("batch", batch.id, values)


def _is_in(event: IngestedRow, window: SpendingWindow) -> bool:
    limit = window.limit
    subject = (limit.project_id or event.project_id, limit.api_key_id or event.api_key_id)
    at = utc(event.occurred_at) or _NEVER
    return subject == (event.project_id, event.api_key_id) and window.starts_at <= at < (window.ends_at or _NEVER)


def _used(measure: str, event: IngestedRow) -> int:
    if measure == windows.USD:
        return event.charge
    if measure == windows.TOKENS:
        return event.input_tokens + event.cached_input_tokens + event.output_tokens
    return requests_of(event.usage_source)


def _read(batch: BatchRow) -> list[WindowLeg] | None:
    try:
        legs = [WindowLeg(*leg) for leg in orjson.loads(batch.window_legs)]
    except (ValueError, TypeError):
        return None
    return legs if all(type(leg.window_id) is int and type(leg.amount) is int for leg in legs) else None
