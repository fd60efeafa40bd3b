"""The money core against a model of it: random lives of an organization, compared after every step.

Both databases live through the same lives (the examples are derandomized), so both end in the model's state.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import batch, grants, heartbeat, limits, recovery
from billing.limits import Terms
from billing.models import Alert, CreditGrant, SpendingWindow
from billing.terms import Admission, Refusal
from catalog import prices
from catalog.models import LanguageModel, TokenClass
from tests.billing import audit
from tests.billing.desk import IDS, ask, outcome, serve_all_models
from tests.billing.money_model import ZONE, Grant, Held, Limit, Model
from tests.people import house
from usage import rollups
from usage.counts import TokenCounts

pytestmark = [pytest.mark.django_db, pytest.mark.database]
EXAMPLES = int(os.environ.get("METERHOUSE_MACHINE_EXAMPLES", "25"))
STEPS = int(os.environ.get("METERHOUSE_MACHINE_STEPS", "40"))
# The evening before a Monday that begins a month, in a zone of a half hour.
BEGINNING = datetime(2032, 2, 29, 17, 0, tzinfo=UTC)
ASKS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 400), st.sampled_from([None, 1, 50, 600])), min_size=1, max_size=5
)
COUNTS = st.one_of(st.none(), st.tuples(st.integers(0, 500), st.integers(0, 100), st.integers(0, 4000)))


class Money(RuleBasedStateMachine):
    """Everything that can happen to an organization's money."""

    requests = Bundle("requests")

    @initialize()
    def open(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.clock = time_machine.travel(BEGINNING, tick=False)
        self.traveller = self.clock.start()
        alice = house(plan="enterprise", rpm=10_000_000)
        serve_all_models()
        alice.organization.time_zone = ZONE.key
        alice.organization.save()
        self.alice = alice
        self.keys = [alice.key(f"key {number}") for number in range(3)]
        self.model = Model()
        self.model.prices = (270_000, 70_000, 1_100_000)
        self.active: list[tuple[Admission, Held]] = []
        self.subjects: dict[str, Any] = {"organization": alice.organization, "project": alice.project}
        self.subjects |= {f"key:{number}": key for number, (key, _) in enumerate(self.keys)}
        self.give(amount=200_000_000, hours=None)

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            self.clock.stop()
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    # ---------------------------------------------------------------- what happens

    @rule(amount=st.integers(1, 30_000_000), hours=st.one_of(st.none(), st.integers(1, 100)))
    def is_given(self, amount: int, hours: int | None) -> None:
        self.give(amount, hours)

    def give(self, amount: int, hours: int | None) -> None:
        ends = None if hours is None else self.now + timedelta(hours=hours)
        given = grants.give(self.alice.organization, amount, expires_at=ends)
        assert given is not None
        self.model.grants.append(Grant(given.pk, amount, given.priority, ends))

    @rule(
        subject=st.sampled_from(["organization", "project", "key:0", "key:1"]),
        measure=st.sampled_from(["usd", "tokens", "requests"]),
        period=st.sampled_from(["day", "week", "month", "lifetime"]),
        size=st.integers(0, 4),
        hard=st.booleans(),
    )
    def set_limit(self, subject: str, measure: str, period: str, size: int, hard: bool) -> None:
        amount = size * {"usd": 700_000, "tokens": 900, "requests": 1}[measure]
        stored = limits.set_limit(self.subjects[subject], Terms(measure, amount, period, hard))
        self.model.set_limit(stored.pk, subject, measure, period, amount, hard, self.now)

    @precondition(lambda self: getattr(self, "model", None) and self.model.limits)
    @rule(place=st.integers(0, 50))
    def remove_limit(self, place: int) -> None:
        gone = self.model.limits.pop(place % len(self.model.limits))
        found = limits.find(self.subjects[gone.subject], gone.measure, gone.period)
        assert found is not None
        limits.remove(found)

    @rule(target=requests, asks=ASKS, ends=st.lists(st.tuples(st.integers(0, 50), COUNTS), max_size=4))
    def end_and_begin(self, asks: list[Any], ends: list[Any]) -> Any:
        """Some end and some begin, in one transaction."""
        ending = []
        for place, counts in ends:
            if self.active:
                ending.append((*self.active.pop(place % len(self.active)), counts))
        asked = [
            ask(*self.keys[key], input_tokens=tokens, input_bound=tokens, max_tokens=maximum)
            for key, tokens, maximum in asks
        ]
        outcomes = [outcome(made, None if counts is None else TokenCounts(*counts)) for made, _, counts in ending]
        expected = [self.model.end(held, counts) for _, held, counts in ending]
        wanted = [self.model.admit(key, tokens, tokens, maximum, self.now) for key, tokens, maximum in asks]
        answers, receipts = batch.run(asked, outcomes, IDS)
        assert [receipt.charge for receipt in receipts] == expected
        made = []
        for answer, want in zip(answers, wanted, strict=True):
            if isinstance(want, str):
                assert isinstance(answer, Refusal), (answer, want)
                assert answer.limit is not None
                scope = "credit" if answer.limit["name"] == "credit" else answer.limit["scope"]
                assert scope == want
            else:
                assert isinstance(answer, Admission), (answer, want)
                assert (answer.amount, answer.output_cap) == (want.amount, want.cap)
                self.active.append((answer, want))
                made.append(answer)
        return multiple(*made)

    @rule(made=requests, counts=COUNTS)
    def settle_again(self, made: Admission, counts: Any) -> None:
        """What ended stays ended, however often it is settled."""
        if any(made is one for one, _ in self.active):
            return
        _, [receipt] = batch.run([], [outcome(made, None if counts is None else TokenCounts(*counts))], IDS)
        assert receipt.event_id is None

    @rule(progress=st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 90), st.integers(0, 9), st.integers(0, 90)))))
    def crash(self, progress: list[Any]) -> None:
        """The process is killed; its last progress is on record, and the sweeper comes."""
        seen = {
            made.hold_id: TokenCounts(*counts)
            for (made, _), counts in zip(self.active, progress, strict=False)
            if counts is not None
        }
        heartbeat.renew([made.hold_id for made, _ in self.active], seen)
        self.traveller.shift(timedelta(seconds=31))
        recovery.sweep_stale_holds()
        for made, held in self.active:
            counts = seen.get(made.hold_id)
            self.model.end(held, None if counts is None else (counts.input, counts.cached_input, counts.output))
        self.active.clear()

    @rule(hours=st.sampled_from([0.1, 1, 7, 24, 200]))
    def wait(self, hours: float) -> None:
        self.traveller.shift(timedelta(hours=hours))

    @rule(price=st.integers(0, 3_000_000))
    def change_price(self, price: int) -> None:
        self.traveller.shift(timedelta(seconds=1))
        prices.set_price(LanguageModel.objects.get(name="deepseek-chat"), TokenClass.OUTPUT, price)
        self.model.prices = (*self.model.prices[:2], price)

    @rule()
    def fold(self) -> None:
        rollups.fold_pending()

    # ---------------------------------------------------------------- what must be true

    @invariant()
    def the_books_agree(self) -> None:
        if hasattr(self, "model"):
            audit.check()

    @invariant()
    def grants_are_as_in_the_model(self) -> None:
        if hasattr(self, "model"):
            stored = set(CreditGrant.objects.values_list("pk", "burned", "held"))
            assert stored == {(grant.number, grant.burned, grant.held) for grant in self.model.grants}

    @invariant()
    def windows_are_as_in_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        for limit in self.model.limits:
            for window in SpendingWindow.objects.filter(limit=limit.number):
                start = window.starts_at if window.ends_at else None
                assert [window.settled, window.held] == limit.windows.get(start, [0, 0]), (limit, window)

    @invariant()
    def every_crossing_was_told(self) -> None:
        """Of the windows that are open: at most one alert each (by the audit), and one for every threshold reached."""
        if hasattr(self, "model"):
            for limit in self.model.limits:
                self._told(limit)

    def _told(self, limit: Limit) -> None:
        now = self.now
        for window in SpendingWindow.objects.select_related("limit").filter(limit=limit.number):
            if window.ends_at and window.ends_at <= now:
                continue
            alerts = Alert.objects.filter(window=window, limit_version=window.limit.version)
            told = set(alerts.values_list("threshold", flat=True))
            due = {one for one in (50, 80, 100) if 0 < limit.amount * one <= window.settled * 100}
            assert due <= told
            refusals = set(alerts.filter(reason="refusal").values_list("threshold", flat=True))
            assert told - due <= refusals <= {100}


@pytest.mark.timeout(1800)
def test_lives_of_an_organization() -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="METERHOUSE_MACHINE_EXAMPLES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
