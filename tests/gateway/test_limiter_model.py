"""Any sequence of requests gets the answers of a model that is too simple to be wrong."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.limiter_worlds import InProcessWorld, RedisWorld
from tests.gateway.redis_server import BINARY, RedisServer

MINUTE = 60_000

step = st.one_of(
    st.tuples(st.just("move"), st.sampled_from([0, 1, 500, 7_000, 29_999, 59_999, 60_000, 61_000]), st.just(0)),
    st.tuples(st.just("acquire"), st.integers(1, 2), st.integers(1, 3)),
    st.tuples(st.just("peek"), st.integers(1, 2), st.integers(1, 3)),
    st.tuples(st.just("release"), st.integers(0, 30), st.just(0)),
)
LIMITS = {1: 3, 2: 6}
KEY_LIMITS = {1: None, 2: 2, 3: 5}


class Model:
    """Lists of admissions, searched from the start every time; times in milliseconds."""

    def __init__(self):
        self.now = 0
        self.admitted = []

    def answer(self, organization, key, take):
        windows = [("organization", organization, LIMITS[organization])]
        if KEY_LIMITS[key]:
            windows.append(("key", (organization, key), KEY_LIMITS[key]))
        waits, remaining = [], []
        for kind, id_, limit in windows:
            inside = [entry["at"] for entry in self.admitted if entry[kind] == id_ and entry["at"] > self.now - MINUTE]
            remaining.append(limit - len(inside))
            waits.append(0 if len(inside) < limit else inside[len(inside) - limit] + MINUTE - self.now)
        if max(waits):
            return False, 0, max(waits), None
        if not take:
            return True, min(remaining), 0, None
        entry = {"organization": organization, "key": (organization, key), "at": self.now}
        self.admitted.append(entry)
        return True, min(remaining) - 1, 0, entry


async def play(world, steps):
    model, taken = Model(), []
    start = world.now
    for verb, first, second in steps:
        if verb == "move":
            model.now += first
            world.now = start + model.now / 1000
        elif verb == "release":
            if first < len(taken):
                slot, entry = taken[first]
                await world.limiter.release(slot)
                model.admitted = [one for one in model.admitted if one is not entry]
        else:
            # A key belongs to one organization, so its number holds both.
            ids = (first, LIMITS[first], 10 * first + second, KEY_LIMITS[second])
            slot = await (world.limiter.acquire(*ids) if verb == "acquire" else world.limiter.peek(*ids))
            allowed, remaining, wait, entry = model.answer(first, second, verb == "acquire")
            assert (slot.allowed, slot.remaining, round(slot.retry_after * 1000)) == (allowed, remaining, wait)
            assert 0 <= slot.reset_after <= 60
            if entry:
                taken.append((slot, entry))
    await world.limiter.close()


@settings(max_examples=300, deadline=None)
@given(st.lists(step, max_size=60))
def test_the_limiter_in_this_process_answers_like_the_model(steps):
    asyncio.run(play(InProcessWorld(), steps))


@pytest.fixture(scope="module")
def server():
    if BINARY is None:
        pytest.skip("redis-server is not installed on this machine")
    server = RedisServer()
    yield server
    server.close()


@pytest.mark.redis
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, max_size=60))
def test_the_limiter_in_redis_answers_like_the_model(server, steps):
    asyncio.run(play(RedisWorld(server), steps))
