"""Many at once on one database: no limit is overshot, every hold ends once, and nobody runs into a deadlock.

Workers are processes and threads with connections of their own; each answers as the gateway's bridge does.
"""

import multiprocessing
import random
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts import keys
from accounts.actor import Actor
from accounts.models import Organization, Project
from billing import grants, heartbeat, limits, opening, recovery
from billing.limits import Terms
from billing.models import CreditGrant, Hold, SpendingWindow
from billing.terms import Admission
from catalog.models import Plan
from foundation.money import NANO
from tests.billing import invariants, workers
from tests.billing.desk import admit, ask, outcome, serve_all_models
from tests.billing.workers import Till
from tests.people import House, house
from usage import rollups
from usage.counts import TokenCounts
from usage.models import UsageEvent

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("noon", "own_database")]
WORKERS = 4
# What one request of tests.billing.desk.ask holds and costs when its 50 tokens are used.
ONE = 57_700


@pytest.fixture(params=["processes", "threads"])
def together(request: pytest.FixtureRequest) -> Any:
    return getattr(workers, request.param)


@pytest.fixture
def alice(own_database: str) -> House:
    return _rich("Alice")


def _rich(name: str) -> House:
    made = house(name, rpm=10_000_000)
    serve_all_models()
    grants.give(made.organization, 100 * NANO)
    return made


def _is_in_order() -> None:
    assert invariants.broken(timezone.now()) == []


def _ask_and_settle(asked: list[Any], number: int) -> Any:
    till = Till(number)
    made: list[Admission] = []
    for some in till.some(asked, 8):
        made += [answer for answer in till.run(some, [])[0] if isinstance(answer, Admission)]
    for some in till.some(made, 3):
        till.run([], [outcome(one) for one in some])
    return len(made), till.errors


@pytest.mark.parametrize(
    "terms", [Terms("requests", 10, "day"), Terms("usd", 10 * ONE, "month"), Terms("tokens", 600, "lifetime")]
)
def test_two_hundred_at_four_workers_on_room_for_ten_is_exactly_ten(alice: House, together: Any, terms: Terms) -> None:
    key, secret = alice.key()
    limits.set_limit(alice.project, Terms("requests", 1000, "week"))
    limits.set_limit(key, terms)
    asked = [ask(key, secret, input_bound=10) for _ in range(200)]
    found = together([partial(_ask_and_settle, asked[n::WORKERS], n + 2) for n in range(WORKERS)])
    assert [errors for _, errors in found if errors] == []
    assert UsageEvent.objects.count() == Hold.objects.count()
    assert sum(made for made, _ in found) == 10
    window = SpendingWindow.objects.get(limit__api_key=key)
    assert (window.settled, window.held) == (terms.amount, 0)
    _is_in_order()


def test_two_hundred_at_four_workers_on_credit_for_ten_is_exactly_ten(alice: House, together: Any) -> None:
    key, secret = alice.key()
    grants.ensure_monthly(alice.organization.pk)
    CreditGrant.objects.exclude(kind="plan").update(expires_at=timezone.now())
    CreditGrant.objects.filter(kind="plan").update(burned=20 * NANO - 10 * ONE)
    asked = [ask(key, secret, input_bound=10) for _ in range(200)]
    found = together([partial(_ask_and_settle, asked[n::WORKERS], n + 2) for n in range(WORKERS)])
    assert [errors for _, errors in found if errors] == []
    assert sum(made for made, _ in found) == 10
    assert CreditGrant.objects.get(kind="plan").burned == 20 * NANO


def _move_and_look(organization_id: int, zones: list[str]) -> None:
    for zone in zones:
        Organization.objects.filter(pk=organization_id).update(time_zone=zone)
        grants.ensure_monthly(organization_id, datetime(2026, 11, 30, 18, 40, tzinfo=UTC))


def test_workers_that_see_other_months_give_one_months_credit(own_database: str, together: Any) -> None:
    # In Kathmandu December has begun, in Honolulu it has not.
    zones = ["Asia/Kathmandu", "Pacific/Honolulu"]
    for number in range(4):
        made = house(f"Alice {number}")
        together([partial(_move_and_look, made.organization.pk, zones[:: 1 - n % 2 * 2]) for n in range(WORKERS)])
        assert CreditGrant.objects.filter(organization=made.organization).count() == 1


# ---------------------------------------------------------------- one wins

ROUNDS = 60
IN_A_ROUND = 4


def _settle_rounds(rounds: list[list[Admission]], barrier: Any, number: int) -> Any:
    till = Till(number)
    won = []
    for made in rounds:
        barrier.wait(60)
        time.sleep(till.chance.random() / 200)
        till.chance.shuffle(made)
        for some in till.some(made, IN_A_ROUND):
            won += [receipt.event_id for receipt in till.run([], [outcome(one) for one in some])[1] if receipt.event_id]
    return won, till.errors


def _sweep_rounds(rounds: list[list[Admission]], barrier: Any) -> Any:
    errors = []
    for made in rounds:
        barrier.wait(60)
        for one in made:
            Hold.objects.filter(pk=one.hold_id).update(lease_until=timezone.now() - timedelta(seconds=1))
        for _ in range(3):
            try:
                recovery.sweep_stale_holds()
            except DatabaseError as error:
                errors.append(repr(error))
    return errors


def _rounds(alice: House) -> list[list[Admission]]:
    key, secret = alice.key()
    limits.set_limit(key, Terms("usd", NANO, "day"))
    limits.set_limit(alice.organization, Terms("tokens", 10**9, "month"))
    asked = [ask(key, secret) for _ in range(IN_A_ROUND)]
    rounds = [[one for one in admit(*asked) if isinstance(one, Admission)] for _ in range(ROUNDS)]
    for made in rounds:
        heartbeat.renew([one.hold_id for one in made], {made[0].hold_id: TokenCounts(10, 0, 7)})
    return rounds


def test_of_sweeper_and_settle_exactly_one_wins(alice: House, together: Any) -> None:
    rounds = _rounds(alice)
    barrier = multiprocessing.get_context("fork").Barrier(2)
    (won, errors), swept = together(
        [partial(_settle_rounds, rounds, barrier, 2), partial(_sweep_rounds, rounds, barrier)]
    )
    recovery.sweep_stale_holds()
    assert (dict(errors), swept) == ({}, [])
    settled = set(Hold.objects.filter(state="settled").values_list("pk", flat=True))
    assert sorted(won) == sorted(settled)
    by_source = dict(UsageEvent.objects.values_list("pk", "usage_source"))
    assert {pk for pk, source in by_source.items() if source == "upstream"} == settled
    ended = {state: Hold.objects.filter(state=state).count() for state in ("settled", "recovered", "released")}
    assert sum(ended.values()) == ROUNDS * IN_A_ROUND
    # Both must have won now and then, or there was no race.
    assert ended["settled"] and ended["recovered"], ended
    _is_in_order()


def test_of_two_who_settle_the_same_exactly_one_wins(alice: House, together: Any) -> None:
    rounds = _rounds(alice)
    barrier = multiprocessing.get_context("fork").Barrier(2)
    (one, first), (two, second) = together([partial(_settle_rounds, rounds, barrier, n) for n in (2, 3)])
    assert (dict(first), dict(second)) == ({}, {})
    assert sorted(one + two) == sorted(made.hold_id for some in rounds for made in some)
    assert UsageEvent.objects.count() == ROUNDS * IN_A_ROUND
    _is_in_order()


# ---------------------------------------------------------------- everything at once


def _whatever(callers: list[Any], subjects: list[Any], steps: int, number: int) -> Any:
    till = Till(number)
    chance = till.chance
    active: list[Admission] = []
    for _ in range(steps):
        step = chance.random()
        try:
            if step < 0.7:
                asked = [ask(*chance.choice(callers), max_tokens=chance.choice([None, 5, 50])) for _ in range(6)]
                chance.shuffle(active)
                ended = [active.pop() for _ in range(chance.randint(0, len(active)))]
                used = [outcome(one, chance.choice([None, TokenCounts(10, 0, chance.randrange(60))])) for one in ended]
                active += [one for one in till.run(asked, used)[0] if isinstance(one, Admission)]
            elif step < 0.8:
                heartbeat.renew([one.hold_id for one in active], {one.hold_id: TokenCounts(9, 1, 3) for one in active})
            elif step < 0.87:
                rollups.fold_pending()
            elif step < 0.94:
                some = [one.hold_id for one in active[:3]]
                Hold.objects.filter(pk__in=some).update(lease_until=timezone.now() - timedelta(seconds=1))
                recovery.sweep_stale_holds()
            else:
                measure, amount = chance.choice([("usd", 9 * ONE), ("usd", NANO), ("tokens", 5000), ("requests", 90)])
                limits.set_limit(chance.choice(subjects), Terms(measure, amount, chance.choice(["day", "month"])))
        except DatabaseError as error:
            till.errors[repr(error)] += 1
    till.run([], [outcome(one) for one in active])
    return till.errors, till.conflicts


@pytest.mark.timeout(300)
def test_whatever_happens_at_once_the_books_are_in_order(alice: House, together: Any) -> None:
    bob = _rich("Bob")
    callers = [alice.key("1"), alice.key("2"), bob.key()]
    subjects = [callers[0][0], callers[1][0], alice.project, alice.organization, bob.organization]
    for subject in subjects:
        limits.set_limit(subject, Terms("usd", 60 * ONE, "day"))
    found = together([partial(_whatever, callers, subjects, 25, n + 2) for n in range(WORKERS)])
    assert [dict(errors) for errors, _ in found if errors] == []
    Hold.objects.filter(state="active").update(lease_until=timezone.now() - timedelta(seconds=1))
    recovery.sweep_stale_holds()
    rollups.fold_pending()
    assert not SpendingWindow.objects.exclude(held=0).exists()
    assert not CreditGrant.objects.exclude(held=0).exists()
    assert UsageEvent.objects.exists()
    _is_in_order()


def _first_of_the_month(asked: list[Any], barrier: Any, number: int) -> Any:
    till = Till(number)
    answers = []
    for some in asked:
        some = list(some)
        till.chance.shuffle(some)
        barrier.wait(60)
        answers += till.run(some, [])[0]
    return [isinstance(one, Admission) for one in answers], till.errors


def test_the_months_credit_of_many_organizations_is_made_once_and_without_deadlock(
    own_database: str, together: Any
) -> None:
    """The first requests of a month reach every worker at once, in another order at each."""
    owner = house(rpm=10_000_000).owner
    serve_all_models()
    asks = []
    for number in range(24):
        organization = opening.open_organization(owner, f"Organization {number}", plan=Plan.objects.get(code="pro"))
        organization.confirmed_at = timezone.now()
        organization.save()
        issued = keys.create(Project.objects.get(organization=organization), "key", Actor(owner))
        limits.set_limit(organization, Terms("usd", NANO, "month"))
        asks.append(ask(issued.api_key, issued.secret))
    SpendingWindow.objects.all().delete()
    random.Random(1).shuffle(asks)
    rounds = [asks[start : start + 6] for start in range(0, len(asks), 6)]
    barrier = multiprocessing.get_context("fork").Barrier(WORKERS)
    found = together([partial(_first_of_the_month, rounds, barrier, n + 2) for n in range(WORKERS)])
    assert [dict(errors) for _, errors in found if errors] == []
    assert all(all(made) for made, _ in found)
    assert CreditGrant.objects.count() == SpendingWindow.objects.count() == len(asks)
    _is_in_order()
