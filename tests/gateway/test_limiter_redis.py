"""What only the limiter in Redis must do: share, use Redis' clock, clean up, and go on without Redis."""

import asyncio
import logging
import time

import pytest
import redis
import uvloop

from gateway.limiter.redis_connection import RedisUnavailable, connect
from gateway.limiter.redis_limiter import RedisLimiter
from tests import ports
from tests.gateway.redis_server import BINARY, RedisServer
from tests.waiting import LONG, eventually

pytestmark = [pytest.mark.redis, pytest.mark.skipif(BINARY is None, reason="redis-server is not installed")]

CALLER = (1, 5, 1, None)


@pytest.fixture
def server():
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
async def make(server):
    made = []

    def make(**options):
        # A Redis that is only slow is not away.
        made.append(RedisLimiter(server.url, **{"timeout": LONG, "retry_every": 0.05, **options}))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()


async def test_processes_share_the_windows(make):
    one, other = make(), make()
    slots = [await limiter.acquire(*CALLER) for limiter in (one, other, one, other, one, other)]
    assert [slot.allowed for slot in slots] == [True] * 5 + [False]
    await other.release(slots[0])
    assert (await one.acquire(*CALLER)).allowed


def test_it_counts_in_redis_under_the_servers_own_event_loop(server):
    async def use():
        limiter = RedisLimiter(server.url, timeout=LONG)
        await limiter.acquire(*CALLER)
        await limiter.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use())
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() > 0


async def test_concurrent_processes_never_pass_the_limit(make):
    limiters = [make() for _ in range(4)]
    slots = await asyncio.gather(*(limiter.acquire(1, 10, 1, None) for _ in range(50) for limiter in limiters))
    assert sum(slot.allowed for slot in slots) == 10


async def test_it_runs_on_the_clock_of_redis(make):
    limiter = make(window=0.5)
    # Until two fall into one window, which a slow machine may need several tries for.
    for _ in range(1000):
        began = time.monotonic()
        slot = await limiter.acquire(1, 1, 1, None)
        if not slot.allowed:
            break
        admitted = began
    assert 0 < slot.retry_after <= 0.5
    await asyncio.sleep(slot.retry_after)
    assert (await limiter.acquire(1, 1, 1, None)).allowed
    assert time.monotonic() - admitted >= 0.5


async def test_a_clock_that_goes_back_neither_forgets_nor_locks_out(make):
    now = 10_000_000_000
    limiter = make(clock=lambda: now)
    for _ in range(5):
        await limiter.acquire(*CALLER)
    now -= 30_000_000
    assert not (await limiter.acquire(*CALLER)).allowed
    now -= 3_600_000_000
    assert (await limiter.acquire(*CALLER)).allowed


async def test_windows_expire_in_redis(make, server):
    limiter = make()
    began = time.monotonic()
    await limiter.acquire(1, 5, 7, 3)
    client = redis.Redis(port=server.port, decode_responses=True)
    names = [name for name in client.scan_iter() if not name.endswith(":probe")]
    assert sorted(names) == ["meterhouse:requests:{1}", "meterhouse:requests:{1}:7"]
    left = [client.pttl(name) for name in names]
    passed = 1000 * (time.monotonic() - began)
    assert all(59_000 - passed < milliseconds <= 61_000 for milliseconds in left)


async def test_a_call_needs_no_round_trip_of_its_own(make, server):
    limiter = make()
    await limiter.acquire(*CALLER)
    client = redis.Redis(port=server.port)
    before = client.info("stats")["total_reads_processed"]
    await asyncio.gather(*(limiter.acquire(1, 10_000, key, None) for key in range(500)))
    assert client.info("stats")["total_reads_processed"] - before < 30


async def test_a_flushed_script_is_sent_again(make, server):
    limiter = make()
    await limiter.acquire(*CALLER)
    redis.Redis(port=server.port).script_flush()
    assert (await limiter.acquire(*CALLER)).remaining == 3
    assert not limiter.degraded


async def test_without_redis_each_process_counts_for_itself_and_says_so(make, server, caplog):
    limiter = make()
    for _ in range(3):
        await limiter.acquire(*CALLER)
    server.stop()
    with caplog.at_level(logging.ERROR):
        slots = [await limiter.acquire(*CALLER) for _ in range(4)]
    # What Redis admitted for this process is not forgotten.
    assert [slot.allowed for slot in slots] == [True, True, False, False]
    assert limiter.degraded
    assert limiter.failures == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "Redis is away" in caplog.text
    await limiter.release(slots[0])
    assert (await limiter.peek(*CALLER)).remaining == 1


async def test_when_redis_is_back_it_learns_what_was_let_through(make, server, caplog):
    limiter, other = make(), make()
    await limiter.acquire(*CALLER)
    server.stop()
    for _ in range(3):
        await limiter.acquire(*CALLER)
    server.start()
    with caplog.at_level(logging.WARNING):
        assert await eventually(lambda: not limiter.degraded)
    assert "Redis is back" in caplog.text
    # The restart emptied Redis; what was let through meanwhile is in it again, for everyone.
    assert (await other.peek(*CALLER)).remaining == 2
    assert (await limiter.acquire(*CALLER)).remaining == 1


async def test_a_redis_that_hangs_is_not_waited_for(make, server):
    limiter = make(timeout=3)
    await limiter.acquire(*CALLER)
    server.freeze()
    started = time.monotonic()
    slots = await asyncio.gather(*(limiter.acquire(1, 20, 1, None) for _ in range(30)))
    # All wait once, for the same three seconds.
    assert time.monotonic() - started < 30
    assert sum(slot.allowed for slot in slots) == 19
    started = time.monotonic()
    assert not (await limiter.acquire(1, 20, 1, None)).allowed
    assert time.monotonic() - started < 2
    server.thaw()
    assert await eventually(lambda: not limiter.degraded)


async def test_a_redis_that_was_never_there_does_not_stop_anyone():
    with ports.hold() as nobodys:
        limiter = RedisLimiter(f"redis://127.0.0.1:{ports.number(nobodys)}/0", timeout=LONG, retry_every=5)
        slots = await asyncio.gather(*(limiter.acquire(*CALLER) for _ in range(9)))
        assert sum(slot.allowed for slot in slots) == 5
        assert limiter.degraded
        await limiter.close()


async def test_a_redis_that_refuses_writes_counts_as_away(make, server):
    limiter = make(retry_every=0.05)
    await limiter.acquire(*CALLER)
    client = redis.Redis(port=server.port)
    client.config_set("min-replicas-to-write", 1)
    assert (await limiter.acquire(*CALLER)).remaining == 3
    assert limiter.degraded
    client.config_set("min-replicas-to-write", 0)
    assert await eventually(lambda: not limiter.degraded)


async def test_seeded_admissions_count_when_redis_is_away(make, server):
    limiter = make()
    limiter.seed([(1, 1, time.time() - 5)] * 4)
    assert (await limiter.peek(*CALLER)).remaining == 5
    server.stop()
    assert (await limiter.acquire(*CALLER)).remaining == 0


async def test_an_address_may_have_a_password_a_number_and_a_socket():
    server = RedisServer("--requirepass", "open sesame")
    try:
        for url in (
            f"redis://:open%20sesame@127.0.0.1:{server.port}/3",
            f"redis://default:open%20sesame@localhost:{server.port}",
            f"unix://:open%20sesame@{server.socket}?db=3",
        ):
            connection = await connect(url, LONG)
            assert await connection.call("PING") == b"PONG"
            connection.close()
        for url in (server.url, f"redis://:wrong@127.0.0.1:{server.port}/0"):
            with pytest.raises(RedisUnavailable):
                await connect(url, LONG)
    finally:
        server.close()


async def test_limiters_of_other_names_count_apart(make):
    requests, reports = make(), make(name="reports")
    for _ in range(5):
        assert (await requests.acquire(*CALLER)).allowed
    assert not (await requests.acquire(*CALLER)).allowed
    assert (await reports.acquire(*CALLER)).remaining == 4
