"""The bridge with a real writer thread: group commits, neighbours, departures, fencing."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from billing import batch
from billing.models import CreditGrant, Hold
from billing.terms import Admission, BridgeUnavailable, Refusal
from gateway.bridge import Bridge
from tests.billing.desk import ask, outcome, serve_all_models
from tests.people import house
from usage.models import UsageEvent

pytestmark = pytest.mark.database


@pytest.fixture
def request_of_alice(own_database):
    alice = house(rpm=100_000)
    serve_all_models()
    return ask(*alice.key())


@pytest_asyncio.fixture
async def bridge(request_of_alice) -> AsyncIterator[Bridge]:
    made = Bridge()
    made.start()
    yield made
    await asyncio.to_thread(made.stop)


async def test_what_arrives_together_is_committed_together(bridge, request_of_alice):
    answers = await asyncio.gather(*[bridge.admit(request_of_alice) for _ in range(100)])
    assert all(isinstance(answer, Admission) for answer in answers)
    assert len({answer.hold_id for answer in answers}) == 100
    assert bridge.figures.batches < 20
    await asyncio.gather(*[bridge.settle(outcome(answer)) for answer in answers])
    grant = await bridge.read(CreditGrant.objects.get)
    assert (grant.held, grant.burned) == (0, 100 * 57_700)


async def test_one_bad_request_never_fails_its_neighbours(bridge, request_of_alice):
    good = await bridge.admit(request_of_alice)
    bad = await bridge.admit(request_of_alice)
    broken = outcome(bad, usage_source="much too long for its column" * 9, finish_reason=None)
    results = await asyncio.gather(bridge.settle(outcome(good)), bridge.settle(broken), return_exceptions=True)
    assert results[0].charge == 57_700
    assert isinstance(results[1], Exception)
    assert await bridge.read(UsageEvent.objects.count) == 1


async def test_a_conflict_is_tried_again_and_answered(bridge, request_of_alice, monkeypatch):
    real, failures = batch.run, iter([True, True, False, False, False])

    def run(*args, **named):
        if next(failures, False):
            raise batch.Conflict("somebody was faster")
        return real(*args, **named)

    monkeypatch.setattr("gateway.bridge.batch.run", run)
    assert isinstance(await bridge.admit(request_of_alice), Admission)


async def test_an_admission_that_nobody_waits_for_is_released(bridge, request_of_alice):
    waiting = asyncio.ensure_future(bridge.admit(request_of_alice))
    await asyncio.sleep(0)
    waiting.cancel()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if await bridge.read(Hold.objects.filter(state="released").exists):
            break
    assert (await bridge.read(CreditGrant.objects.get)).held == 0


async def test_leases_are_renewed_and_progress_is_written(bridge, request_of_alice):
    admitted = await bridge.admit(request_of_alice)
    first = (await bridge.read(Hold.objects.get)).lease_until
    assert await bridge.progress(admitted, outcome(admitted).counts)
    for _ in range(100):
        await asyncio.sleep(0.1)
        hold = await bridge.read(Hold.objects.get)
        if hold.progress_output == 50:
            break
    assert hold.lease_until > first


async def test_a_process_that_cannot_renew_stops_its_streams(bridge, request_of_alice):
    admitted = await bridge.admit(request_of_alice)
    bridge._renewed_at = time.monotonic() - 21
    assert not await bridge.progress(admitted, outcome(admitted).counts)
    with pytest.raises(BridgeUnavailable):
        await bridge.admit(request_of_alice)


async def test_a_stopped_bridge_serves_nothing_for_free(request_of_alice):
    bridge = Bridge()
    bridge.start()
    await asyncio.to_thread(bridge.stop)
    with pytest.raises(BridgeUnavailable):
        await bridge.admit(request_of_alice)


async def test_two_processes_never_overdraw_one_grant(bridge, request_of_alice):
    other = Bridge()
    other.start()
    first = await bridge.admit(request_of_alice)
    await bridge.settle(outcome(first, None))
    await bridge.read(_set_credit, 10 * 57_700)
    answers = await asyncio.gather(*[one.admit(request_of_alice) for one in (bridge, other) * 50])
    await asyncio.to_thread(other.stop)
    assert sum(isinstance(answer, Admission) for answer in answers) == 10
    assert {answer.kind for answer in answers if isinstance(answer, Refusal)} == {"insufficient_quota"}


def _set_credit(amount):
    CreditGrant.objects.update(amount=amount)
