"""The rate limiter of a single process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from gateway.limiter.limiter import WINDOW_SECONDS, Reading, Slot, decide
from gateway.limiter.window import SECOND, Group, Window

# Idle windows that one admission looks at; more than it can create, so that they die out.
_EVICTIONS = 4


class _Windows:
    """The windows of one kind, in the order of their last admission."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._by_id: OrderedDict[int, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, id_: int, now: int) -> Window | None:
        window = self._by_id.get(id_)
        if window is not None:
            window.expire(now)
        return window

    def add(self, id_: int, now: int) -> tuple[Window, Group]:
        window = self._by_id.get(id_)
        if window is None:
            window = self._by_id[id_] = Window(self._length)
        else:
            window.expire(now)
            self._by_id.move_to_end(id_)
        self._evict(now)
        return window, window.add(now)

    def _evict(self, now: int) -> None:
        for _ in range(min(_EVICTIONS, len(self._by_id) - 1)):
            id_, oldest = next(iter(self._by_id.items()))
            oldest.expire(now)
            if oldest.groups:
                return
            del self._by_id[id_]


class _Token:
    """Where a slot was taken from; empty once it has been given back."""

    __slots__ = ("taken",)

    def __init__(self, *taken: tuple[Window, Group]) -> None:
        self.taken = taken


class InProcessLimiter:
    """Exact times for small limits, seconds for huge ones; idle organizations and keys are forgotten."""

    def __init__(self, window: float = WINDOW_SECONDS, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._length = int(window * SECOND)
        self._organizations = _Windows(self._length)
        self._keys = _Windows(self._length)

    @property
    def degraded(self) -> bool:
        return False

    async def acquire(self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None) -> Slot:
        now = self._clock()
        readings = self._read(now, organization_id, organization_limit, key_id, key_limit)
        for reading in readings:
            if reading.wait:
                return decide(readings)
        token = self._take(now, organization_id, key_id)
        length = self._length / SECOND
        return decide([Reading(limit, used + 1, 0.0, length) for limit, used, _, _ in readings], token)

    async def peek(self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None) -> Slot:
        return decide(self._read(self._clock(), organization_id, organization_limit, key_id, key_limit))

    async def release(self, slot: Slot) -> None:
        self.give_back(slot.token)

    async def close(self) -> None:
        pass

    def seed(self, admissions: Iterable[tuple[int, int, float]]) -> None:
        now, unix = self._clock(), time.time()
        past = sorted((max(0.0, unix - at), organization_id, key_id) for organization_id, key_id, at in admissions)
        for age, organization_id, key_id in reversed(past):
            if age * SECOND < self._length:
                self._take(now - int(age * SECOND), organization_id, key_id)

    def record(self, organization_id: int, key_id: int) -> object:
        """Count a request that was admitted elsewhere; the answer is for give_back."""
        return self._take(self._clock(), organization_id, key_id)

    def give_back(self, token: object) -> None:
        """Take an admission out of the windows again."""
        if isinstance(token, _Token):
            for window, group in token.taken:
                window.remove(group)
            token.taken = ()

    def _take(self, now: int, organization_id: int, key_id: int) -> _Token:
        # A key without a limit is counted too: it may get one within the minute.
        return _Token(self._organizations.add(organization_id, now), self._keys.add(key_id, now))

    def _read(
        self, now: int, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None
    ) -> list[Reading]:
        readings = [_reading(self._organizations.find(organization_id, now), organization_limit, now, self._length)]
        if key_limit is not None:
            readings.append(_reading(self._keys.find(key_id, now), key_limit, now, self._length))
        return readings


def _reading(window: Window | None, limit: int, now: int, length: int) -> Reading:
    if window is not None:
        return window.read(limit, now)
    return Reading(limit, 0, 0.0 if limit > 0 else length / SECOND, 0.0)
