"""Both limiters under a clock that the test moves, so that one contract is run on both."""

from collections.abc import Coroutine
from typing import Any, Protocol

import redis

from gateway.limiter.in_process import InProcessLimiter
from gateway.limiter.limiter import RateLimiter, Slot
from gateway.limiter.redis_limiter import RedisLimiter
from tests.gateway.redis_server import RedisServer
from tests.waiting import LONG

START = 1_000_000.25


class World(Protocol):
    limiter: RateLimiter
    now: float

    def groups(self) -> int:
        """The most groups of admissions that one window keeps."""


class InProcessWorld:
    def __init__(self) -> None:
        self.now = START
        self.limiter = InProcessLimiter(clock=lambda: round(self.now * 1e9))

    def groups(self) -> int:
        kinds = (self.limiter._organizations, self.limiter._keys)
        return max(len(window.groups) for kind in kinds for window in kind._by_id.values())


class RedisWorld:
    def __init__(self, server: RedisServer) -> None:
        self.now = START
        self.client = redis.Redis(port=server.port)
        self.client.flushall()
        self.limiter = RedisLimiter(server.url, clock=lambda: round(self.now * 1e6), timeout=LONG)

    def groups(self) -> int:
        return max(self.client.hlen(key) for key in self.client.keys("meterhouse:requests:{*"))


class Caller:
    """One key's view of a limiter."""

    def __init__(self, world: World, organization: int, limit: int, key: int = 1, key_limit: int | None = None) -> None:
        self.world = world
        self.ids = (organization, limit, key, key_limit)

    def acquire(self) -> Coroutine[Any, Any, Slot]:
        return self.world.limiter.acquire(*self.ids)

    def peek(self) -> Coroutine[Any, Any, Slot]:
        return self.world.limiter.peek(*self.ids)
