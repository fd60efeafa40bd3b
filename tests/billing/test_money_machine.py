"""Whatever happens in whatever order, the rows say what a page of plain Python says, and no invariant breaks.

The numbers are those of the invariants of the money core. METERHOUSE_MACHINE_EXAMPLES asks for more than the few
examples of every day, other ones each time.
"""

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.billing import invariants, model, shop
from tests.billing.model import Counts, Ending, Price, Request, Terms

pytestmark = [pytest.mark.django_db, pytest.mark.database]
_MORE = os.environ.get("METERHOUSE_MACHINE_EXAMPLES")
EVERY_DAY = settings(
    max_examples=int(_MORE or 30),
    stateful_step_count=40 if _MORE else 25,
    derandomize=not _MORE,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

KEYS, PROJECTS, ORGANIZATIONS = 4, 3, 2
_OWNER = {"key": [0, 0, 0, 1], "project": [0, 0, 1], "organization": [0, 1]}
requests = st.builds(
    Request,
    # Most happens to one key, so that its limits fill up.
    key=st.sampled_from([0, 0, 0, 0, 1, 2, 3]),
    model=st.sampled_from(["exact", "exact", "bounded", "free"]),
    input_tokens=st.sampled_from([10, 10, 0, 1, 33, 400]),
    input_bound=st.sampled_from([40, 60]),
    max_tokens=st.sampled_from([50, None, 50, None, 1, 7, 500]),
)
# Up to more than any hold covers, and nothing at all.
counts = st.builds(
    Counts, st.sampled_from([10, 0, 1, 70]), st.sampled_from([0, 0, 3, 9]), st.sampled_from([50, 20, 0, 1, 130])
)
endings = st.tuples(st.integers(0, 7), st.none() | counts | counts)
_SUBJECTS = [(scope, number) for scope, owners in _OWNER.items() for number in range(len(owners))]
# Those of the busy key first and often.
subjects = st.sampled_from([("key", 0), ("project", 0), ("organization", 0), ("key", 0), *_SUBJECTS])
AMOUNTS = {
    "usd": [115_401, 57_700, 200_000, 20_000, 0, 1, 10**9],
    "tokens": [120, 60, 61, 180, 0, 1, 30, 10**6],
    "requests": [2, 1, 3, 5, 0, 1000],
}
terms = st.sampled_from(sorted(AMOUNTS)).flatmap(
    lambda measure: st.builds(
        Terms,
        measure=st.just(measure),
        amount=st.sampled_from(AMOUNTS[measure]),
        period=st.sampled_from(["day", "week", "month", "lifetime"]),
        is_hard=st.sampled_from([True, True, True, False]),
        thresholds=st.sampled_from([(50, 80, 100), (50, 80, 100), (1, 33, 150), ()]),
    )
)


class MoneyMachine(RuleBasedStateMachine):
    """Drives the real thing and the model side by side."""

    shop: shop.Shop

    def __init__(self) -> None:
        super().__init__()
        self._story = transaction.atomic()
        self._story.__enter__()
        self.model: Any = None
        self._rows: Any = None
        self.steps = 0

    def teardown(self) -> None:
        try:
            if self.model is not None:
                connection.check_constraints()
                self.shop.close()
        finally:
            transaction.set_rollback(True)
            self._story.__exit__(None, None, None)

    @initialize(start=st.sampled_from(shop.STARTS), gifts=st.lists(st.sampled_from([70_000, 400_000]), max_size=2))
    def begin(self, start: Any, gifts: list[int]) -> None:
        self.model = self.shop.open(start)
        self._changed()
        for number, amount in enumerate([700_000, *gifts]):
            self._give(number % ORGANIZATIONS, amount, False, None, None)

    def _changed(self) -> None:
        self._rows = None
        self.steps += 1

    # ---------------------------------------------------------------- what happens

    @rule(asked=st.lists(requests, max_size=6), ended=st.lists(endings, max_size=4))
    def a_batch(self, asked: list[Request], ended: list[tuple[int, Counts | None]]) -> None:
        self._run(asked, ended)

    @rule(asked=requests, times=st.integers(2, 12))
    def the_same_at_once(self, asked: Request, times: int) -> None:
        self._run([asked] * times, [])

    @rule(asked=requests, times=st.integers(1, 4), seen=counts)
    def some_come_and_go(self, asked: Request, times: int, seen: Counts) -> None:
        before = len(self.model.holds)
        self._run([asked] * times, [])
        self._run([], [(back, seen) for back in range(len(self.model.holds) - before)])

    @rule(asked=requests, seen=st.none() | counts | counts)
    def a_process_dies(self, asked: Request, seen: Counts | None) -> None:
        before = len(self.model.holds)
        self._run([asked, asked], [])
        if len(self.model.holds) > before:
            self.a_heartbeat([0], seen)
        self.time_passes(2, False)
        self.a_sweep()

    @rule(ended=st.lists(endings, min_size=2, max_size=10))
    def much_ends(self, ended: list[tuple[int, Counts | None]]) -> None:
        self._run([], ended)

    def _run(self, asked: list[Request], ended: list[tuple[int, Counts | None]]) -> None:
        # The newest holds first; those that have ended are settled again.
        number = len(self.model.holds)
        settled = [Ending(number - 1 - back, seen) for back, seen in ended if back < number]
        self._changed()
        assert self.shop.batch(asked, settled) == self.model.batch(asked, settled)

    @rule(back=st.lists(st.integers(0, 7), max_size=4, unique=True), seen=st.none() | counts)
    def a_heartbeat(self, back: list[int], seen: Counts | None) -> None:
        number = len(self.model.holds)
        holds = [number - 1 - one for one in back if one < number]
        progress = {} if seen is None else dict.fromkeys(holds[:2], seen)
        self._changed()
        self.shop.renew(holds, progress)
        self.model.renew(holds, progress)

    @rule()
    def a_sweep(self) -> None:
        self._changed()
        self.shop.sweep()
        self.model.sweep()

    @rule()
    def a_fold(self) -> None:
        self._changed()
        self.shop.fold()
        assert self.rows.pending == []

    @rule(number=st.integers(0, shop.INSTANTS - 1), before=st.booleans())
    def time_passes(self, number: int, before: bool) -> None:
        at = shop.soon(self.model.now, number)
        if before and at - timedelta(microseconds=1) > self.model.now:
            at -= timedelta(microseconds=1)
        self._changed()
        self.model.now = at
        self.shop.move_to(at)

    @rule(subject=subjects, said=terms)
    def a_limit_is_set(self, subject: tuple[str, int], said: Terms) -> None:
        organization = _OWNER[subject[0]][subject[1]]
        self._changed()
        self.shop.set_limit(subject, organization, said)
        self.model.set_limit(subject, organization, said)

    @precondition(lambda self: self.model is not None and self.model.limits)
    @rule(number=st.integers(0, 50), said=st.data())
    def a_limit_is_changed(self, number: int, said: st.DataObject) -> None:
        limit = self.model.limits[number % len(self.model.limits)]
        old = limit.terms
        amount = said.draw(st.sampled_from(AMOUNTS[old.measure]))
        is_hard = said.draw(st.booleans())
        self.a_limit_is_set(limit.subject, Terms(old.measure, amount, old.period, is_hard, old.thresholds))

    @precondition(lambda self: self.model is not None and self.model.limits)
    @rule(number=st.integers(0, 50))
    def a_limit_is_removed(self, number: int) -> None:
        number %= len(self.model.limits)
        self._changed()
        self.shop.remove_limit(number)
        self.model.remove_limit(number)

    @rule(
        organization=st.integers(0, ORGANIZATIONS - 1),
        amount=st.sampled_from([1, 40_000, 57_700, 1_000_000]),
        is_paid=st.booleans(),
        starts=st.sampled_from([None, None, 0, 4]),
        ends=st.sampled_from([None, 2, 4, 6, 8]),
    )
    def credit_is_given(
        self, organization: int, amount: int, is_paid: bool, starts: int | None, ends: int | None
    ) -> None:
        self._give(organization, amount, is_paid, starts, ends)

    def _give(self, organization: int, amount: int, is_paid: bool, starts: int | None, ends: int | None) -> None:
        now = self.model.now
        starts_at = now if starts is None else shop.soon(now, starts)
        expires_at = None if ends is None else shop.soon(now, ends)
        gift = (organization, f"gift:{len(self.model.grants)}", amount, is_paid, starts_at, expires_at)
        self._changed()
        self.shop.give(*gift)
        self.model.give(*gift)

    @rule(
        name=st.sampled_from(shop.MODELS),
        token_class=st.sampled_from(model.CLASSES),
        unit_price=st.sampled_from([0, 1, 499, 270_001, 1_100_003, 3_000_000]),
        later=st.sampled_from([None, None, 0, 2, 4]),
        organization=st.sampled_from([None, None, 0, 1]),
    )
    def a_price_changes(
        self, name: str, token_class: str, unit_price: int, later: int | None, organization: int | None
    ) -> None:
        since = self.model.now if later is None else shop.soon(self.model.now, later)
        price = Price(name, token_class, unit_price, since, organization)
        names = {(one.model, one.token_class, one.since, one.organization) for one in self.model.prices}
        if (name, token_class, since, organization) not in names:
            self._changed()
            self.shop.set_price(price)
            self.model.set_price(price)

    @rule(key=st.sampled_from([3, 2, 1, 0]), really=st.sampled_from([False, False, False, True]))
    def a_key_is_revoked(self, key: int, really: bool) -> None:
        if really:
            self._changed()
            self.shop.revoke(key)
            self.model.revoke(key)

    # ---------------------------------------------------------------- what holds

    @property
    def rows(self) -> invariants.Rows:
        """Read once a step."""
        if self._rows is None:
            self._rows = invariants.read(self.model.now)
        found: invariants.Rows = self._rows
        return found

    def _holds(self, check: Any) -> None:
        if self.model is not None:
            assert list(check(self.rows)) == []

    @invariant()
    def the_model_agrees(self) -> None:
        if self.model is not None:
            expected, found = self.model.books(), self.shop.books()
            for name, what in expected.items():
                assert found[name] == what, name

    @invariant()
    def i1_windows_stay_in_bounds(self) -> None:
        self._holds(invariants.windows_stay_in_bounds)

    @invariant()
    def i2_windows_hold_what_is_under_way(self) -> None:
        self._holds(invariants.windows_hold_what_is_under_way)

    @invariant()
    def i3_windows_settled_what_was_charged(self) -> None:
        self._holds(invariants.windows_settled_what_was_charged)

    @invariant()
    def i4_i15_holds_end_once(self) -> None:
        self._holds(invariants.holds_end_once)

    @invariant()
    def i5_charges_stay_within_holds(self) -> None:
        self._holds(invariants.charges_stay_within_holds)

    @invariant()
    def i6_ledger_balances(self) -> None:
        self._holds(invariants.ledger_balances)

    @invariant()
    def i7_grants_burn_in_order(self) -> None:
        self._holds(invariants.grants_burn_in_order)

    @invariant()
    def i8_rollups_and_pending_are_the_events(self) -> None:
        self._holds(invariants.rollups_and_pending_are_the_events)

    @invariant()
    def i9_events_reprice_to_their_charge(self) -> None:
        self._holds(invariants.events_reprice_to_their_charge)

    @invariant()
    def i12_alerts_fire_once(self) -> None:
        self._holds(invariants.alerts_fire_once)

    @invariant()
    def i17_what_fits_is_admitted(self) -> None:
        """With room for a request by the rows and nothing held, it is admitted, and with room for none it is not."""
        if self.model is None or any(hold.state == "active" for hold in self.model.holds):
            return
        key = self.steps % KEYS
        if self.model.keys[key].is_revoked:
            return
        prices = self.model.price_of("exact", _OWNER["key"][key])
        with _undone():
            # Too long for the model, but it begins the month's credit.
            assert self.shop.probe(Request(key, "exact", 400, 400, 1)) is None
            rooms = invariants.rooms(self.shop.keys[key], self.model.now)
            caps = [cap for cap in range(1, 121) if invariants.fits(rooms, model.most(1, cap, prices), 1 + cap)]
            most = max(caps, default=None)
            for named in (None, most, 120):
                with _undone():
                    found = self.shop.probe(Request(key, "exact", 1, 1, named))
                assert found == (most if named in {None, most} else None), (named, most, found)


@contextmanager
def _undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def machine() -> Iterator[type[MoneyMachine]]:
    """The machine in this test's database, whose stories are all rolled back."""
    made = shop.Shop()
    logging.getLogger("billing.recovery").setLevel(logging.ERROR)
    yield type("Machine", (MoneyMachine,), {"shop": made})
    logging.getLogger("billing.recovery").setLevel(logging.NOTSET)


@pytest.mark.timeout(7200 if _MORE else 300)
def test_the_money_core_does_what_the_model_does(machine: type[MoneyMachine]) -> None:
    run_state_machine_as_test(machine, settings=EVERY_DAY)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_batching_of_the_same_outcomes_gives_the_same_totals(machine: Any, seed: int) -> None:
    """Invariant 11."""
    chance = random.Random(seed)
    asked = [Request(chance.randrange(KEYS), "exact", 10, 10, chance.choice([5, 50])) for _ in range(40)]
    used = [
        chance.choice([None, Counts(10, 0, chance.randrange(60)), Counts(0, 10, chance.randrange(5))]) for _ in asked
    ]
    found = [_ended(machine.shop, asked, used, random.Random(order)) for order in range(4)]
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0]["events"]


def _ended(made: shop.Shop, asked: list[Request], used: list[Counts | None], chance: random.Random) -> dict[str, Any]:
    """The books after these requests were settled in some order, in batches of some sizes, folded at some moments."""
    with _undone():
        made.open(shop.STARTS[0])
        try:
            for organization in range(ORGANIZATIONS):
                made.give(organization, "gift", 10**7, False, shop.STARTS[0], None)
                made.set_limit(("organization", organization), organization, Terms("usd", 10**7, "day", True, (1, 50)))
            made.batch(asked, [])
            order = list(enumerate(used))
            chance.shuffle(order)
            while order:
                size = chance.randrange(1, 9)
                made.batch([], [Ending(*one) for one in order[:size]])
                order = order[size:]
                if chance.random() < 0.3:
                    made.fold()
            assert invariants.broken(shop.STARTS[0]) == []
            books = made.books()
            books["alerts"] = sorted(books["alerts"])
            return books
        finally:
            made.close()
