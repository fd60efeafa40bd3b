"""Late usage: by the bucket of its charge and the bucket of its use, as the events of the batches say."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from billing.verification.difference import Difference, compare
from billing.verification.rows import BatchRow, IngestedRow, LateRow, requests_of, stream
from billing.verification.scope import Scope
from foundation.periods import bucket_start, iso
from foundation.sql import utc

# organization, charged in, used in
_Place = tuple[int, datetime, datetime]
_PLACE = ["organization_id", "charged_in", "used_in"]


class LateUsageSums:
    """What the batches so far say."""

    def __init__(self) -> None:
        self._sums: dict[_Place, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, batch: BatchRow, events: list[IngestedRow]) -> None:
        """Count the events of a batch."""
        charged_in = _bucket(batch.received_at)
        for event in events:
            used_in = _bucket(event.occurred_at)
            if used_in != charged_in:
                found = self._sums[batch.organization_id, charged_in, used_in]
                found[0] += requests_of(event.usage_source)
                found[1] += event.charge

    def check(self, scope: Scope) -> Iterator[Difference]:
        """Compare with what is stored, once all batches were added."""
        for row in stream(LateRow, _PLACE, scope):
            place = row.organization_id, _utc(row.charged_in), _utc(row.used_in)
            yield from _compare(place, self._sums.pop(place, [0, 0]), [row.requests, row.charge])
        for place, expected in self._sums.items():
            yield from _compare(place, expected, [0, 0])


def _compare(place: _Place, expected: list[int], found: list[int]) -> Iterator[Difference]:
    organization_id, charged_in, used_in = place
    where = f"organization {organization_id} of {iso(used_in)} in {iso(charged_in)}"
    yield from compare("late usage", where, zip(("requests", "charge"), expected, found, strict=True))


def _bucket(at: datetime) -> datetime:
    return bucket_start(_utc(at))


def _utc(at: datetime) -> datetime:
    return utc(at) or at
