"""The rate limiter of several processes: the windows are in Redis, on Redis' clock, and change in one script."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import hiredis

from gateway.limiter.in_process import InProcessLimiter
from gateway.limiter.limiter import EXACT_ADMISSIONS, GROUP_SECONDS, WINDOW_SECONDS, Reading, Slot, decide
from gateway.limiter.redis_connection import Argument, RedisConnection, RedisUnavailable, connect

log = logging.getLogger(__name__)

_MICROSECONDS = 1_000_000
_READING_VALUES = 4
_PREFIX = "meterhouse:"


class _Script(NamedTuple):
    text: str
    digest: str


def _script(name: str) -> _Script:
    text = Path(__file__).with_name(f"{name}.lua").read_text(encoding="utf-8")
    return _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_ACQUIRE, _RELEASE, _RECORD = _script("acquire"), _script("release"), _script("record")


# What was let through while Redis was away: requests by (organization, key) and second of this process' clock.
_Owed = dict[tuple[int, int], dict[int, int]]


class _Token(NamedTuple):
    windows: tuple[str, ...]
    numbers: tuple[int, ...]
    at: int
    shadow: object


class RedisLimiter:
    """Shared windows; while Redis is away each process counts for itself, says so, and hands in what it let through."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "requests",
        window: float = WINDOW_SECONDS,
        timeout: float = 0.5,
        retry_every: float = 1.0,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._url = url
        # Limiters of another name count apart.
        self._prefix = f"{_PREFIX}{name}"
        self._window = window
        self._length = int(window * _MICROSECONDS)
        self._timeout = timeout
        self._retry_every = retry_every
        self._clock = clock  # microseconds; None: Redis' own
        self._connection: RedisConnection | None = None
        self._connecting = asyncio.Lock()
        self._returning: asyncio.Task[None] | None = None
        # Counts what Redis admitted too, so that the limits hold for this process when Redis goes away.
        self._local = InProcessLimiter(window)
        self._owed: _Owed = {}
        self._degraded = False
        self.failures = 0

    @property
    def degraded(self) -> bool:
        return self._degraded

    async def acquire(self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None) -> Slot:
        try:
            return await self._ask(organization_id, organization_limit, key_id, key_limit, take=True)
        except RedisUnavailable as error:
            self._lose(error)
        slot = await self._local.acquire(organization_id, organization_limit, key_id, key_limit)
        if slot.allowed:
            self._owe(organization_id, key_id)
        return slot

    async def peek(self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None) -> Slot:
        try:
            return await self._ask(organization_id, organization_limit, key_id, key_limit, take=False)
        except RedisUnavailable as error:
            self._lose(error)
        return await self._local.peek(organization_id, organization_limit, key_id, key_limit)

    async def release(self, slot: Slot) -> None:
        token = slot.token
        if not isinstance(token, _Token):
            await self._local.release(slot)
            return
        self._local.give_back(token.shadow)
        try:
            await self._run(_RELEASE, token.windows, token.at, *token.numbers)
        except RedisUnavailable as error:
            self._lose(error)

    def seed(self, admissions: Iterable[tuple[int, int, float]]) -> None:
        # Redis remembers; this is for the case that it is away.
        self._local.seed(admissions)

    async def close(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            self._returning = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---------------------------------------------------------------- Redis

    async def _ask(
        self, organization_id: int, organization_limit: int, key_id: int, key_limit: int | None, *, take: bool
    ) -> Slot:
        windows = _windows(self._prefix, organization_id, key_id)
        now = self._clock() if self._clock else -1
        settings = (now, self._length, EXACT_ADMISSIONS, int(GROUP_SECONDS * _MICROSECONDS), int(take))
        limits = (organization_limit, -1 if key_limit is None else key_limit)
        taken, at, *values = await self._run(_ACQUIRE, windows, *settings, *limits)
        token = None
        if taken:
            numbers = tuple(values[_READING_VALUES - 1 :: _READING_VALUES])
            token = _Token(windows, numbers, at, self._local.record(organization_id, key_id))
        return decide(_readings(values, organization_limit, key_limit), token)

    async def _run(self, script: _Script, windows: tuple[str, ...], *arguments: Argument) -> Any:
        connection = await self._ready()
        answer = await connection.call("EVALSHA", script.digest, len(windows), *windows, *arguments)
        if isinstance(answer, hiredis.ReplyError) and str(answer).startswith("NOSCRIPT"):
            answer = await connection.call("EVAL", script.text, len(windows), *windows, *arguments)
        if isinstance(answer, hiredis.ReplyError):
            raise RedisUnavailable(f"Redis refused a script: {answer}")
        return answer

    async def _ready(self) -> RedisConnection:
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self._degraded:
            raise RedisUnavailable("Redis is away.")
        async with self._connecting:
            if self._degraded:
                raise RedisUnavailable("Redis is away.")
            if self._connection is None or not self._connection.is_open:
                self._connection = await self._open()
            return self._connection

    async def _open(self) -> RedisConnection:
        connection = await connect(self._url, self._timeout)
        # A replica that may not be written to, or a full server, is as good as away.
        answer = await connection.call("SET", f"{self._prefix}:probe", 1, "PX", 1000)
        if isinstance(answer, hiredis.ReplyError):
            connection.close()
            raise RedisUnavailable(f"Redis refused to write: {answer}")
        return connection

    # ---------------------------------------------------------------- when Redis is away

    def _lose(self, error: RedisUnavailable) -> None:
        if self._degraded:
            return
        self._degraded = True
        self.failures += 1
        log.error("Rate limits are counted by each process for itself, because Redis is away: %s", error)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        while True:
            await asyncio.sleep(self._retry_every)
            try:
                connection = await self._open()
                await self._pay(connection)
            except RedisUnavailable:
                continue
            self._connection = connection
            self._degraded = False
            self._returning = None
            log.warning("Redis is back: rate limits are shared by all processes again.")
            return

    def _owe(self, organization_id: int, key_id: int) -> None:
        seconds = self._owed.setdefault((organization_id, key_id), {})
        now = int(time.monotonic())
        seconds[now] = seconds.get(now, 0) + 1
        if len(seconds) > self._window + 1:
            del seconds[next(iter(seconds))]

    async def _pay(self, connection: RedisConnection) -> None:
        """Add what was let through meanwhile to the shared windows; in one turn of the loop once nothing is left."""
        while self._owed:
            owed, self._owed = self._owed, {}
            now = time.monotonic()
            calls = []
            for window, seconds in _by_window(self._prefix, owed).items():
                groups = [(max(0.0, now - second - 1), count) for second, count in sorted(seconds.items())]
                recent = [(int(age * _MICROSECONDS), count) for age, count in groups if age < self._window]
                flat = [value for group in recent for value in group]
                clock = self._clock() if self._clock else -1
                calls.append(connection.call("EVAL", _RECORD.text, 1, window, clock, self._length, *flat))
            try:
                await asyncio.gather(*calls)
            except RedisUnavailable:
                self._owed = _merged(owed, self._owed)
                raise


def _windows(prefix: str, organization_id: int, key_id: int) -> tuple[str, str]:
    # The braces keep both windows on one node of a cluster.
    name = f"{prefix}:{{{organization_id}}}"
    return name, f"{name}:{key_id}"


def _by_window(prefix: str, owed: _Owed) -> dict[str, dict[int, int]]:
    windows: dict[str, dict[int, int]] = {}
    for (organization_id, key_id), seconds in owed.items():
        for window in _windows(prefix, organization_id, key_id):
            totals = windows.setdefault(window, {})
            for second, count in seconds.items():
                totals[second] = totals.get(second, 0) + count
    return windows


def _merged(one: _Owed, other: _Owed) -> _Owed:
    merged = {pair: dict(seconds) for pair, seconds in one.items()}
    for pair, seconds in other.items():
        totals = merged.setdefault(pair, {})
        for second, count in seconds.items():
            totals[second] = totals.get(second, 0) + count
    return merged


def _readings(values: list[int], organization_limit: int, key_limit: int | None) -> list[Reading]:
    limits = [organization_limit] if key_limit is None else [organization_limit, key_limit]
    readings = []
    for index, limit in enumerate(limits):
        used, wait, full_after, _ = values[index * _READING_VALUES : (index + 1) * _READING_VALUES]
        readings.append(Reading(limit, used, wait / _MICROSECONDS, full_after / _MICROSECONDS))
    return readings
