"""The same batches from many processes at once, some of them killed: each event counts once, in any order."""

import contextlib
import os
import random
import signal
import time
from io import StringIO

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone

from billing import balances, grants, limits
from billing.limits import Terms
from billing.management.progress_bar import ProgressBar
from billing.models import SpendingWindow
from billing.verification import books
from billing.verification.scope import Scope
from foundation.money import NANO
from tests.billing import workers
from tests.billing.reporter import COST, amend, price_the_past, report, reporter_of, usage, void
from tests.people import House, house
from usage import rollups
from usage.models import UsageEvent

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("own_database")]
SENDERS = 20


@pytest.fixture
def alice(own_database: str) -> House:
    made = house(rpm=10_000_000)
    price_the_past()
    grants.give(made.organization, 10 * NANO)
    limits.set_limit(made.organization, Terms("usd", NANO, "lifetime"))
    reporter_of(made)
    return made


def _sent(alice: House) -> list[list[dict]]:
    """Six batches; the last corrects what the first said."""
    batches = [[usage(id=f"{batch}-{n}") for n in range(40)] for batch in range(5)]
    return [*batches, [void("0-0", id="v"), amend("0-1", 128, 51, id="a"), usage(id="5-2")]]


def _send(alice: House, batches: list[list[dict]], seed: int) -> None:
    """Every batch, in an order of one's own; corrections once their events are there."""
    chance = random.Random(seed)
    events, corrections = batches[:-1], batches[-1]
    for batch in chance.sample(events, len(events)):
        _try(alice, chance.sample(batch, len(batch)))
    _try(alice, corrections)


def _try(alice: House, batch: list[dict]) -> None:
    for _ in range(50):
        # Whoever waits too long for the others' turn asks again, as a script would.
        with contextlib.suppress(DatabaseError):
            report(alice, *batch)
            return
    raise AssertionError("it never came through")


# 201 were used; one was taken back, one read nothing from the cache and produced one token more.
_CHARGE = 199 * COST + 128 * 270 + 51 * 1100


def _is_right(alice: House) -> None:
    rollups.fold_pending()
    rows = UsageEvent.objects.all()
    assert len({(one.source, one.external_id) for one in rows}) == rows.count() == 5 * 40 + 3
    assert sum(one.charge for one in rows) == _CHARGE
    window = SpendingWindow.objects.get()
    assert window.settled == _CHARGE
    assert balances.balance(alice.organization.pk).posted == 10 * NANO + _monthly(alice) - _CHARGE
    assert list(books.verify(Scope(timezone.now(), ProgressBar(StringIO(), silent=True)))) == []


def _monthly(alice: House) -> int:
    """What the plan gave this month."""
    return sum(grant.amount for grant in alice.organization.credit_grants.all()) - 10 * NANO


def test_twenty_at_once_count_once(alice: House) -> None:
    batches = _sent(alice)
    workers.processes([lambda seed=seed: _send(alice, batches, seed) for seed in range(SENDERS)])
    _is_right(alice)


def test_some_of_twenty_are_killed_at_any_moment(alice: House) -> None:
    batches = _sent(alice)
    connections.close_all()
    chance = random.Random(2026)
    children = [_child(alice, batches, seed) for seed in range(SENDERS)]
    for pid in chance.sample(children, SENDERS // 2):
        time.sleep(chance.random() / 10)
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
    # Whoever was killed sends all of it again.
    _send(alice, batches, 0)
    _is_right(alice)


def _child(alice: House, batches: list[list[dict]], seed: int) -> int:
    if pid := os.fork():
        return pid
    try:
        _send(alice, batches, seed)
    finally:
        os._exit(0)
