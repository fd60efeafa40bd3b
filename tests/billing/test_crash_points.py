"""Killed at any statement: after recovery nothing is held, nothing that was acknowledged is lost, and the books agree.

A child process runs a seeded schedule of admissions, settlements, heartbeats, folds, sweeps and changed limits, and
ends at its n-th step: before or after a statement, before a commit, or right after one before anybody heard of it.
"""

import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from billing import batch, grants, heartbeat, limits, recovery
from billing.limits import Terms
from billing.models import Hold, MeteringProcess
from billing.terms import Admission, Outcome
from foundation import sql
from foundation.ids import FactIds
from foundation.money import NANO
from tests.billing import audit
from tests.billing.desk import ask, outcome, serve_all_models
from tests.people import house
from usage import rollups
from usage.counts import TokenCounts
from usage.models import UsageEvent

pytestmark = pytest.mark.database
ROUNDS = int(os.environ.get("METERHOUSE_CRASH_ROUNDS", "40"))
STEPS = 25


class _Fuse:
    """Ends the process at its n-th touch."""

    def __init__(self, number: int) -> None:
        self.left = number

    def touch(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os._exit(9)

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def touched(*args: Any, **named: Any) -> Any:
            self.touch()
            found = real(*args, **named)
            self.touch()
            return found

        return touched


def _mine(fuse: _Fuse) -> None:
    """In the child only: it never returns to the tests."""
    sql._SqliteCursor.execute = fuse.around(sql._SqliteCursor.execute)  # type: ignore[method-assign]
    sql._SqliteCursor.insert = fuse.around(sql._SqliteCursor.insert)  # type: ignore[method-assign]
    sql._PostgresCursor.execute = fuse.around(sql._PostgresCursor.execute)  # type: ignore[method-assign]
    CursorWrapper.execute = fuse.around(CursorWrapper.execute)  # type: ignore[method-assign]
    BaseDatabaseWrapper._commit = fuse.around(BaseDatabaseWrapper._commit)  # type: ignore[attr-defined]


def _schedule(seed: int, key: Any, secret: str, acknowledged: Path) -> None:
    """Some steps of work; what was acknowledged is on the disk before the next step."""
    chance = random.Random(seed)
    ids = FactIds(MeteringProcess.objects.create().pk)
    active: list[Admission] = []
    with acknowledged.open("a") as file:
        for _ in range(STEPS):
            step = chance.random()
            if step < 0.6:
                asks = [ask(key, secret, max_tokens=chance.choice([None, 5, 50])) for _ in range(chance.randrange(4))]
                ends: list[Outcome] = []
                while active and chance.random() < 0.6:
                    made = active.pop(chance.randrange(len(active)))
                    counts = (
                        None if chance.random() < 0.2 else TokenCounts(10, chance.randrange(3), chance.randrange(80))
                    )
                    ends.append(outcome(made, counts))
                answers, receipts = batch.run(asks, ends, ids)
                for receipt in receipts:
                    if receipt.event_id is not None:
                        file.write(f"{receipt.event_id} {receipt.charge}\n")
                file.flush()
                os.fsync(file.fileno())
                active += [answer for answer in answers if isinstance(answer, Admission)]
            elif step < 0.7:
                heartbeat.renew(
                    [made.hold_id for made in active], {made.hold_id: TokenCounts(10, 0, 3) for made in active}
                )
            elif step < 0.8:
                rollups.fold_pending()
            elif step < 0.9:
                recovery.sweep_stale_holds()
            else:
                window = chance.choice(["day", "month", "lifetime"])
                limits.set_limit(key, Terms(chance.choice(["usd", "tokens", "requests"]), 10**9, window))


def _run_in_child(work: Callable[[], None], fuse: _Fuse) -> int:
    """The exit status: 9 when the fuse ended it, 0 when the work was done."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _mine(fuse)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    for _ in range(3000):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the child did not end")


def _recover() -> None:
    Hold.objects.filter(state="active").update(lease_until=timezone.now() - timedelta(seconds=1))
    recovery.sweep_stale_holds()
    rollups.fold_pending()


@pytest.mark.timeout(300)
def test_killed_at_any_statement_the_books_agree(own_database: str, tmp_path: Path) -> None:
    alice = house(rpm=10_000_000)
    serve_all_models()
    key, secret = alice.key()
    grants.give(alice.organization, 100 * NANO)
    limits.set_limit(alice.organization, Terms("usd", 50 * NANO, "month"))
    limits.set_limit(alice.project, Terms("requests", 10**6, "week"))
    chance = random.Random(7)
    acknowledged = tmp_path / "acknowledged"
    killed = 0
    for number in range(ROUNDS):
        # A whole schedule touches the fuse some five hundred times.
        fuse = _Fuse(chance.randrange(1, 600))
        status = _run_in_child(lambda seed=number: _schedule(seed, key, secret, acknowledged), fuse)  # type: ignore[misc]
        assert status in (0, 9)
        killed += status == 9
        audit.check()
        if number % 3 == 0:
            _recover()
            audit.check(at_rest=True)
    _recover()
    audit.check(at_rest=True)
    assert killed > ROUNDS // 3
    told = [tuple(map(int, line.split())) for line in acknowledged.read_text().splitlines()]
    assert len(set(told)) == len(told) > 0
    recorded = dict(UsageEvent.objects.values_list("pk", "charge"))
    assert [line for line in told if recorded.get(line[0]) != line[1]] == []
