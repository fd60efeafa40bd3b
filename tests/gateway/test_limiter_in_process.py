"""What only the limiter in this process must do: forget the idle, and remember what was admitted before a restart."""

import time

import pytest

from gateway.limiter import build
from gateway.limiter.in_process import InProcessLimiter
from gateway.limiter.redis_limiter import RedisLimiter
from tests.gateway.limiter_worlds import Caller, InProcessWorld


async def test_idle_organizations_and_keys_are_forgotten():
    world = InProcessWorld()
    for number in range(1000):
        await Caller(world, organization=number, limit=10, key=number).acquire()
    assert len(world.limiter._organizations) == 1000
    world.now += 61
    for _ in range(400):
        await Caller(world, organization=5000, limit=10_000, key=5000).acquire()
    assert len(world.limiter._organizations) == len(world.limiter._keys) == 1


async def test_a_refused_or_peeking_stranger_leaves_nothing_behind():
    world = InProcessWorld()
    await Caller(world, organization=1, limit=0).acquire()
    await Caller(world, organization=1, limit=5).peek()
    assert len(world.limiter._organizations) == len(world.limiter._keys) == 0


async def test_seeded_admissions_count_and_leave_in_time(monkeypatch):
    world = InProcessWorld()
    now = 1_800_000_000.0
    monkeypatch.setattr("gateway.limiter.in_process.time.time", lambda: now)
    world.limiter.seed([(1, 7, now - 2), (1, 7, now - 50), (1, 8, now - 61), (1, 8, now - 30), (2, 9, now + 5)])
    seen = await Caller(world, organization=1, limit=3, key=7, key_limit=9).peek()
    assert not seen.allowed
    assert seen.retry_after == pytest.approx(10)
    assert (await Caller(world, organization=1, limit=9, key=7, key_limit=3).peek()).remaining == 1
    assert (await Caller(world, organization=2, limit=9).peek()).remaining == 8
    world.now += 10.1
    assert (await Caller(world, organization=1, limit=3, key=7).peek()).remaining == 1


async def test_it_uses_a_clock_that_never_goes_back():
    limiter = InProcessLimiter(window=2)
    caller = (1, 2, 1, None)
    began = time.monotonic()
    assert (await limiter.acquire(*caller)).allowed
    assert (await limiter.acquire(*caller)).allowed
    refused = await limiter.acquire(*caller)
    passed = time.monotonic() - began
    assert 2 - passed <= refused.retry_after <= 2
    time.sleep(refused.retry_after)
    assert (await limiter.acquire(*caller)).allowed
    assert not limiter.degraded


async def test_the_address_of_redis_decides_which_limiter_is_built():
    assert isinstance(build(None), InProcessLimiter)
    assert isinstance(build("redis://127.0.0.1:6379/0"), RedisLimiter)
