"""Spans: the widths in which usage is summed up, and which of them make up a time.

Spans lie on multiples of their width since 1970 in UTC, so that they are nobody's days: any time between two quarters
of an hour, in any zone, is made of a few whole spans, the widest in its middle. A zone that moves changes no row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Level:
    """Sums of one width, in minutes, and the table that has them."""

    table: str
    width: int
    # Other widths are in the table, too.
    is_shared: bool = True

    @property
    def where(self) -> str:
        """The SQL condition that chooses this width."""
        return f"width = {self.width}" if self.is_shared else "1 = 1"


# From narrow to wide, each a multiple of the one before: 4 hours and 1, 4 and 16 days of a key, which has too few
# requests for hours to be fewer rows than quarters of an hour.
OF_KEYS = (
    Level("usage_usagerollup", 15, False),
    *(Level("usage_keyspan", width) for width in (240, 1440, 5760, 23040)),
)
# The same of a key with all its models, which are fewer rows for a list of all keys.
OF_KEY_TOTALS = (*OF_KEYS[:2], *(Level("usage_keytotal", width) for width in (1440, 5760, 23040)))
# Without keys: 15 minutes, 1 hour, 4 hours, 1 day.
OF_PROJECTS = tuple(Level("usage_projectspan", width) for width in (15, 60, 240, 1440))
Piece = tuple[Level, datetime, datetime]


def start_of(at: datetime, width: int) -> datetime:
    """The start of the span of that width, in minutes, that holds `at`."""
    return _at((at - _EPOCH) // _MINUTE // width * width)


def cover(start: datetime, end: datetime, levels: Sequence[Level]) -> Iterator[Piece]:
    """Ranges of whole spans that make up the buckets of 15 minutes that begin in [start, end)."""
    narrow = levels[0].width
    # Floor division of what is negated rounds up.
    first, last = (-((_EPOCH - at) // _MINUTE // narrow) * narrow for at in (start, end))
    for level, since, until in _cover(first, last, levels):
        yield level, _at(since), _at(until)


def _cover(first: int, last: int, levels: Sequence[Level]) -> Iterator[tuple[Level, int, int]]:
    if first >= last:
        return
    *narrower, widest = levels
    since, until = -(-first // widest.width) * widest.width, last // widest.width * widest.width
    if since >= until:
        yield from _cover(first, last, narrower)
        return
    yield widest, since, until
    yield from _cover(first, since, narrower)
    yield from _cover(until, last, narrower)


def _at(minutes: int) -> datetime:
    return _EPOCH + minutes * _MINUTE
