"""What every rate limiter promises; run on the one in this process and on the one in Redis."""

import asyncio
import random

import pytest

from gateway.limiter.limiter import EXACT_ADMISSIONS
from tests.gateway.limiter_worlds import Caller, InProcessWorld, RedisWorld
from tests.gateway.redis_server import BINARY, RedisServer

HUGE = 10_000_000


@pytest.fixture(scope="module")
def server():
    if BINARY is None:
        pytest.skip("redis-server is not installed on this machine")
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(params=["in process", pytest.param("redis", marks=pytest.mark.redis)])
async def world(request):
    world = InProcessWorld() if request.param == "in process" else RedisWorld(request.getfixturevalue("server"))
    yield world
    await world.limiter.close()


async def test_it_allows_the_limit_and_refuses_the_next(world):
    caller = Caller(world, organization=1, limit=10)
    slots = [await caller.acquire() for _ in range(12)]
    assert [slot.allowed for slot in slots] == [True] * 10 + [False] * 2
    assert [slot.remaining for slot in slots] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert {slot.limit for slot in slots} == {10}
    assert [slot.retry_after for slot in slots] == [0] * 10 + [60, 60]
    assert {slot.reset_after for slot in slots} == {60}


async def test_a_request_passes_after_the_time_it_was_told_and_not_before(world):
    caller = Caller(world, organization=1, limit=3)
    for _ in range(3):
        await caller.acquire()
        world.now += 7.5
    refused = await caller.acquire()
    assert refused.retry_after == pytest.approx(60 - 22.5)
    assert refused.reset_after == pytest.approx(60 - 7.5)
    world.now += refused.retry_after - 0.001
    assert not (await caller.acquire()).allowed
    world.now += 0.001
    assert (await caller.acquire()).allowed
    assert not (await caller.acquire()).allowed


async def test_around_a_full_minute_there_is_no_second_allowance(world):
    world.now = 1_200_000 - 0.5
    caller = Caller(world, organization=1, limit=10)
    assert all([(await caller.acquire()).allowed for _ in range(10)])
    for seconds in (1.0, 30.0, 29.499):
        world.now += 0 if seconds == 1.0 else seconds
        assert not (await caller.acquire()).allowed
    world.now = 1_200_000 + 59.5
    assert (await caller.acquire()).allowed


async def test_a_refusal_consumes_nothing(world):
    caller = Caller(world, organization=1, limit=1)
    first = await caller.acquire()
    for _ in range(50):
        world.now += 1
        assert not (await caller.acquire()).allowed
    world.now += first.reset_after - 50
    assert (await caller.acquire()).allowed


async def test_keys_share_the_window_of_their_organization(world):
    first, second = Caller(world, 1, 4, key=1), Caller(world, 1, 4, key=2)
    assert [(await caller.acquire()).remaining for caller in (first, second, first, second)] == [3, 2, 1, 0]
    assert not (await first.acquire()).allowed
    assert (await Caller(world, 2, 4, key=3).acquire()).remaining == 3


async def test_the_tighter_window_is_shown(world):
    limited = Caller(world, 1, 5, key=1, key_limit=2)
    slot = await limited.acquire()
    assert (slot.limit, slot.remaining) == (2, 1)
    for _ in range(3):
        await Caller(world, 1, 5, key=2).acquire()
    slot = await limited.acquire()
    assert (slot.limit, slot.remaining) == (2, 0)
    wide = await Caller(world, 1, 6, key=3, key_limit=3).acquire()
    assert (wide.limit, wide.remaining) == (6, 0)


async def test_a_refusal_of_one_window_takes_nothing_from_the_other(world):
    limited, free = Caller(world, 1, 5, key=1, key_limit=1), Caller(world, 1, 5, key=2, key_limit=100)
    await limited.acquire()
    world.now += 10
    refusals = [await limited.acquire() for _ in range(20)]
    assert {(slot.allowed, slot.limit, slot.remaining, slot.retry_after) for slot in refusals} == {(False, 1, 0, 50)}
    assert [(await free.acquire()).allowed for _ in range(5)] == [True] * 4 + [False]
    # The organization refused that one; the key's own window has taken four.
    assert (await Caller(world, 1, 500, key=2, key_limit=5).peek()).remaining == 1


async def test_when_both_windows_are_full_the_longer_wait_counts(world):
    caller = Caller(world, 1, 2, key=1, key_limit=1)
    await Caller(world, 1, 2, key=2).acquire()
    world.now += 20
    await caller.acquire()
    world.now += 1
    slot = await caller.acquire()
    assert (slot.allowed, slot.limit, slot.retry_after) == (False, 1, 59)


async def test_a_key_is_counted_before_it_has_a_limit(world):
    for _ in range(3):
        await Caller(world, 1, 100, key=1).acquire()
    assert not (await Caller(world, 1, 100, key=1, key_limit=3).acquire()).allowed
    assert (await Caller(world, 1, 100, key=1, key_limit=4).acquire()).allowed


async def test_a_lowered_limit_counts_at_once(world):
    for _ in range(10):
        await Caller(world, 1, 10).acquire()
        world.now += 1
    slot = await Caller(world, 1, 3).acquire()
    assert (slot.allowed, slot.limit, slot.remaining) == (False, 3, 0)
    # Eight of ten must leave: the eighth came at second 7, it is second 10.
    assert slot.retry_after == pytest.approx(57)
    world.now += slot.retry_after
    assert (await Caller(world, 1, 3).acquire()).allowed


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_of_nothing_refuses_everything(world, limit):
    slot = await Caller(world, 1, max(0, limit), key=1, key_limit=0).acquire()
    assert (slot.allowed, slot.remaining, slot.retry_after) == (False, 0, 60)


async def test_peek_takes_nothing(world):
    caller = Caller(world, 1, 2)
    assert [(await caller.peek()).remaining for _ in range(3)] == [2, 2, 2]
    await caller.acquire()
    world.now += 5
    seen = await caller.peek()
    assert (seen.allowed, seen.remaining, seen.reset_after) == (True, 1, 55)
    await caller.acquire()
    refused = await caller.peek()
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 0, 55)


async def test_a_released_slot_is_free_again(world):
    caller = Caller(world, 1, 2, key=1, key_limit=2)
    kept = await caller.acquire()
    world.now += 10
    slot = await caller.acquire()
    await world.limiter.release(slot)
    seen = await caller.peek()
    assert (seen.remaining, seen.reset_after) == (1, 50)
    await world.limiter.release(slot)
    assert (await caller.peek()).remaining == 1
    assert (await caller.acquire()).allowed
    assert not (await caller.acquire()).allowed
    await world.limiter.release(kept)
    assert (await caller.acquire()).allowed


async def test_a_slot_that_has_left_the_window_releases_nothing(world):
    caller = Caller(world, 1, 2)
    old = await caller.acquire()
    world.now += 60
    await caller.acquire()
    await caller.acquire()
    await world.limiter.release(old)
    assert not (await caller.acquire()).allowed


async def test_releasing_a_refusal_does_nothing(world):
    caller = Caller(world, 1, 1)
    await caller.acquire()
    refused = await caller.acquire()
    await world.limiter.release(refused)
    assert not (await caller.acquire()).allowed


async def test_of_many_at_once_exactly_the_limit_passes(world):
    caller = Caller(world, 1, 10, key=1, key_limit=50)
    slots = await asyncio.gather(*(caller.acquire() for _ in range(200)))
    assert sum(slot.allowed for slot in slots) == 10
    assert sorted(slot.remaining for slot in slots if slot.allowed) == list(range(10))


async def test_a_huge_limit_takes_bounded_memory_and_errs_on_the_safe_side(world):
    caller = Caller(world, 1, HUGE)
    times: list[float] = []
    most = 0
    for step in range(150):
        world.now = 2_000_000 + step + 0.03
        for _ in range(40):
            slot = await caller.acquire()
            times.append(world.now)
            world.now += 0.02
        inside = sum(1 for at in times if at > world.now - 60.02)
        # One second of admissions may stay a second longer.
        assert inside <= HUGE - slot.remaining <= inside + 40
        most = max(most, world.groups())
    # Exact times, a group a second, and in Redis four more fields.
    assert 540 < most <= EXACT_ADMISSIONS + 62 + 4


async def test_beyond_the_exact_times_the_limit_still_holds(world):
    draw = random.Random(5)
    caller = Caller(world, 1, limit := EXACT_ADMISSIONS + 88)
    admitted: list[float] = []
    for _ in range(3000):
        world.now += draw.choice((0, 0, 0.004, 0.01, 0.1))
        if (await caller.acquire()).allowed:
            admitted.append(world.now)
    assert len(admitted) > limit
    assert all(later - earlier >= 60 - 1e-5 for earlier, later in zip(admitted, admitted[limit:], strict=False))
    refused = await caller.acquire()
    if not refused.allowed:
        world.now += refused.retry_after
        assert (await caller.acquire()).allowed
