"""The bridge with a real writer thread: group commits, neighbours, departures, fencing."""

import asyncio
import resource
import shutil
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from django.db import OperationalError
from django.utils import timezone

from accounts.principal import ACTIVE
from billing import batch, recovery, spool
from billing.models import CreditGrant, Hold, RefusalCount, RefusedRequest
from billing.spool import Spool
from billing.terms import Admission, BridgeUnavailable, Refusal, RefusalNote
from gateway.bridge import Bridge
from tests.billing.desk import admitted, ask, outcome, serve_all_models
from tests.people import house
from tests.waiting import LONG, eventually
from usage.counts import TokenCounts
from usage.models import UsageEvent

pytestmark = pytest.mark.database


@pytest.fixture
def request_of_alice(own_database):
    alice = house(rpm=100_000)
    serve_all_models()
    return ask(*alice.key())


@pytest.fixture(autouse=True)
def spool_folder(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    return tmp_path / "spool"


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
    assert await eventually(lambda: bridge.read(Hold.objects.filter(state="released").exists))
    assert (await bridge.read(CreditGrant.objects.get)).held == 0


async def test_leases_are_renewed_and_progress_is_written(bridge, request_of_alice):
    admitted = await bridge.admit(request_of_alice)
    first = (await bridge.read(Hold.objects.get)).lease_until
    assert await bridge.progress(admitted, outcome(admitted).counts)
    assert await eventually(lambda: bridge.read(Hold.objects.filter(progress_output=50).exists))
    assert (await bridge.read(Hold.objects.get)).lease_until > first


async def test_a_process_that_cannot_renew_stops_its_streams(bridge, request_of_alice, monkeypatch):
    def renew(*_):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr("gateway.bridge.heartbeat.renew", renew)
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


class Outage:
    """A database that can be taken away from the money core."""

    def __init__(self, monkeypatch) -> None:
        self.is_on = False
        real = batch.run

        def run(*args, **named):
            if self.is_on:
                raise OperationalError("the connection is closed")
            return real(*args, **named)

        monkeypatch.setattr(batch, "run", run)


@pytest.fixture
def outage(monkeypatch):
    return Outage(monkeypatch)


async def recorded(bridge, number, seconds=LONG):
    """Wait until so many events are on record."""

    async def is_so():
        return await bridge.read(UsageEvent.objects.count) == number

    return await eventually(is_so, seconds)


async def test_a_settlement_waits_on_disk_while_the_database_is_away(bridge, request_of_alice, outage, spool_folder):
    first, second = await asyncio.gather(*[bridge.admit(request_of_alice) for _ in range(2)])
    outage.is_on = True
    receipts = await asyncio.gather(bridge.settle(outcome(first)), bridge.settle(outcome(second, TokenCounts(1, 2, 3))))
    # Whoever waits is told after the fsync, with what will be booked.
    assert [receipt.charge for receipt in receipts] == [57_700, 270 + 140 + 3300]
    assert len(list(spool_folder.glob("*.jsonl"))) == 1
    with pytest.raises(BridgeUnavailable):
        await bridge.admit(request_of_alice)
    assert await bridge.read(UsageEvent.objects.count) == 0
    outage.is_on = False
    assert await recorded(bridge, 2)
    grant = await bridge.read(CreditGrant.objects.get)
    assert (grant.held, grant.burned) == (0, sum(receipt.charge for receipt in receipts))
    assert isinstance(await bridge.admit(request_of_alice), Admission)
    assert bridge.figures.spooled == 2


async def test_the_next_process_settles_what_a_killed_one_left(bridge, request_of_alice, spool_folder):
    admissions = [await bridge.admit(request_of_alice) for _ in range(3)]
    left = Spool(spool_folder)
    for admission in admissions:
        left.append(outcome(admission))
    [path] = spool_folder.glob("*.jsonl")
    whole = path.read_bytes()
    # Killed while it wrote the third.
    path.write_bytes(whole[:-40])
    other = Bridge()
    other.start()
    # Its process lives: nobody touches its file.
    assert not await recorded(bridge, 1, seconds=5)
    await asyncio.to_thread(other.stop)
    left.close()
    third = Bridge()
    third.start()
    assert await recorded(bridge, 2)
    await asyncio.to_thread(third.stop)
    assert not list(spool_folder.glob("*.jsonl"))
    # A second replay of the same file changes nothing.
    (spool_folder / "1-copy.jsonl").write_bytes(whole[:-40])
    fourth = Bridge()
    fourth.start()
    assert isinstance(await fourth.admit(request_of_alice), Admission)
    await asyncio.to_thread(fourth.stop)
    assert await bridge.read(UsageEvent.objects.count) == 2


async def test_a_settlement_that_was_recovered_meanwhile_charges_no_one_twice(
    bridge, request_of_alice, outage, spool_folder
):
    made = await bridge.admit(request_of_alice)
    outage.is_on = True
    await bridge.settle(outcome(made))
    outage.is_on = False

    def expire_and_sweep():
        Hold.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
        recovery.sweep_stale_holds()

    await bridge.read(expire_and_sweep)
    assert isinstance(await bridge.admit(request_of_alice), Admission)
    hold = await bridge.read(lambda: Hold.objects.get(pk=made.hold_id))
    events = await bridge.read(UsageEvent.objects.count)
    # Either the spool or the sweeper was first, and the other did nothing.
    assert (hold.state, events) in {("settled", 1), ("released", 0)}


async def test_the_impossible_is_kept_aside_and_stops_nobody(bridge, request_of_alice, spool_folder):
    made = await bridge.admit(request_of_alice)
    spool_folder.mkdir()
    line = spool.encode(outcome(made, finish_reason=None))
    (spool_folder / "1-left.jsonl").write_bytes(line + b"\n")
    other = Bridge()
    other.start()
    assert isinstance(await other.admit(request_of_alice), Admission)
    await asyncio.to_thread(other.stop)
    assert (spool_folder / "rejected.txt").read_bytes() == line + b"\n"


async def test_a_folder_that_is_tidied_up_takes_no_settlement_along(bridge, request_of_alice, outage, spool_folder):
    made = await bridge.admit(request_of_alice)
    outage.is_on = True
    await bridge.settle(outcome(made))
    shutil.rmtree(spool_folder)
    outage.is_on = False
    assert await recorded(bridge, 1)
    assert isinstance(await bridge.admit(request_of_alice), Admission)


async def test_a_spool_that_cannot_be_emptied_stops_nobody(request_of_alice, spool_folder):
    made = await asyncio.to_thread(admitted, request_of_alice)
    spool_folder.mkdir()
    # What is impossible is kept aside, and here that is impossible as well.
    (spool_folder / "1-left.jsonl").write_bytes(spool.encode(outcome(made, finish_reason=None)) + b"\n")
    (spool_folder / "rejected.txt").mkdir()
    # Not a file that could be taken over.
    (spool_folder / "2-left.jsonl").mkdir()
    bridge = Bridge()
    bridge.start()
    assert isinstance(await bridge.admit(request_of_alice), Admission)
    await asyncio.to_thread(bridge.stop)
    assert (spool_folder / "1-left.jsonl").exists()


def test_a_disk_that_fills_up_costs_the_spool_only_what_did_not_fit(request_of_alice, spool_folder):
    made = admitted(request_of_alice)
    left = Spool(spool_folder)
    left.append(outcome(made))
    [path] = spool_folder.glob("*.jsonl")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            left.append(outcome(made, TokenCounts(1, 2, 3)))
        assert [one.counts for one in left.read()] == [outcome(made).counts]
        left.clear()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    left.append(outcome(made, TokenCounts(4, 5, 6)))
    assert [one.counts for one in left.read()] == [TokenCounts(4, 5, 6)]
    left.close()


async def test_refusals_are_counted_and_the_newest_kept(bridge, request_of_alice):
    made = await bridge.admit(request_of_alice)
    assert made.principal.state == ACTIVE
    # All of them before anything is written down: of each writing the newest hundred are kept.
    other = Bridge()
    for number in range(250):
        code = "rate_limit_exceeded" if number % 2 else "insufficient_quota"
        other.note_refusal(
            RefusalNote(made.principal, f"req_{number}", "deepseek-chat", code, "Too fast.", timezone.now())
        )
    other.start()
    assert await eventually(lambda: bridge.read(RefusedRequest.objects.exists))
    await asyncio.to_thread(other.stop)
    kept = await bridge.read(lambda: list(RefusedRequest.objects.values_list("request_id", flat=True)))
    assert kept == [f"req_{number}" for number in range(249, 149, -1)]
    counts = await bridge.read(lambda: list(RefusalCount.objects.values_list("code", "count")))
    # Those for money are counted by admission itself.
    assert [code for code, _ in counts] == ["rate_limit_exceeded"] * len(counts)
    assert sum(count for _, count in counts) == 125
