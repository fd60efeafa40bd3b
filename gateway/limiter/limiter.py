"""The one interface of the rate limiters, and what they answer."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

WINDOW_SECONDS = 60.0
# A window keeps this many admissions with their exact times; more of them are kept together by the second, and leave
# with the youngest of their second. So its memory is bounded at any limit, and it errs on the side of refusing.
EXACT_ADMISSIONS = 512
GROUP_SECONDS = 1.0


class Slot(NamedTuple):
    """The answer to one request; `limit`, `remaining` and `reset_after` are those of the tighter window."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: float  # seconds until the limit is full again, at most 60
    retry_after: float  # seconds after which a request passes; 0 when allowed
    token: object = None  # what release needs; None when nothing was taken


class RateLimiter(Protocol):
    """Never more than a limit's requests in any 60 s; both windows in one decision; a refusal consumes nothing."""

    @property
    def degraded(self) -> bool:
        """Whether the shared windows are out of reach, so that every process counts for itself."""

    async def acquire(self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None) -> Slot:
        """Take one request out of both windows, or out of none; limits are requests a minute, None is no limit."""

    async def peek(self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None) -> Slot:
        """What acquire would answer, with nothing taken: `remaining` is before the next request."""

    async def release(self, slot: Slot) -> None:
        """Give a slot back, as if it had not been taken; a second time does nothing."""

    def seed(self, admissions: Iterable[tuple[int, int, float]]) -> None:
        """Count what was admitted before a restart, (organization id, key id, unix seconds); call it before acquire."""

    async def close(self) -> None:
        """Let go of connections."""


class Reading(NamedTuple):
    """One window at one moment, in seconds where it is a time."""

    limit: int
    used: int
    wait: float  # until one more request fits; 0 when it fits now
    full_after: float  # until the window is empty


def decide(readings: list[Reading], token: object = None) -> Slot:
    """The slot for windows as they are after an admission (or without one, for a refusal and for peek)."""
    worst = tightest = readings[0]
    for reading in readings[1:]:
        if reading.wait > worst.wait:
            worst = reading
        if (reading.limit - reading.used, reading.limit) < (tightest.limit - tightest.used, tightest.limit):
            tightest = reading
    if worst.wait > 0:
        return Slot(False, worst.limit, 0, worst.full_after, worst.wait)
    return Slot(True, tightest.limit, max(0, tightest.limit - tightest.used), tightest.full_after, 0.0, token)
