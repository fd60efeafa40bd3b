"""Would the machine notice? A line of the money core is made wrong, and the machine must find a story that shows it.

What only many at once can show (the room clauses, the checks of the database, two folds) is in test_mutations, and what
the machine cannot see (rounding of a charge, the price in force) in test_rating, test_admission and test_repricing.
A piece of source that is no longer there fails loudly: the mutation has to be looked at again.
"""

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.billing.test_money_machine import EVERY_DAY, MoneyMachine, machine

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
__all__ = ["machine"]
# The first story that shows it will do.
_UNTIL_FOUND = settings(
    EVERY_DAY, max_examples=400, phases=[Phase.generate], report_multiple_bugs=False, derandomize=True
)


@dataclass(frozen=True)
class Mutation:
    """In `place` (module:function, module:Class.method or module:CONSTANT), `old` becomes `new`."""

    place: str
    old: str
    new: str


MUTATIONS = {
    "a hold is claimed whatever its state": Mutation("billing.settlement:_claim", "state = 'active' AND ", ""),
    "a charge is not capped by its hold": Mutation(
        "billing.settlement:_record", "min(actual, admission.amount)", "actual"
    ),
    "the excess is forgotten": Mutation("billing.settlement:_record", "actual - charge", "0"),
    "a use and a release both win": Mutation(
        "billing.settlement:record", "(state == RELEASED) != (outcome.counts is None)", "False"
    ),
    "a hold is rounded down": Mutation("billing.rating:hold", "-(-pico // PICO_PER_NANO)", "pico // PICO_PER_NANO"),
    "a window settles more than was held": Mutation(
        "billing.allocation:Moves.lift_window", "min(settled, leg.amount)", "settled"
    ),
    "the last leg burns first": Mutation("billing.allocation:burn", "for leg in legs", "for leg in reversed(legs)"),
    "what the batch took is not counted": Mutation(
        "billing.allocation:effect", "move.held + move.burned", "0 * move.held"
    ),
    "grants burn in reverse": Mutation("billing.admission:_CREDITS", "ORDER BY priority", "ORDER BY -priority"),
    "expiry does not order": Mutation("billing.admission:_CREDITS", "expires_at IS NULL, expires_at, ", ""),
    "paid burns before free": Mutation("billing.admission:_CREDITS", "is_paid, id", "NOT is_paid, id"),
    "age does not order": Mutation("billing.admission:_CREDITS", "is_paid, id", "is_paid, -id"),
    "credit begins too early": Mutation("billing.admission:_CREDITS", "starts_at <= %s", "%s IS NOT NULL"),
    "a soft limit refuses": Mutation("billing.windows:Room.refuses", "self.is_hard and", "True and"),
    "a named maximum is lowered": Mutation("billing.admission:_fitting_cap", "ask.max_tokens is not None", "False"),
    "tokens are not counted when the output is cut": Mutation(
        "billing.admission:_affordable", "left - terms.input_bound", "left"
    ),
    "an alert is inserted without a conflict clause": Mutation(
        "billing.alerting:_INSERT", "ON CONFLICT (window_id, limit_version, threshold) DO NOTHING ", ""
    ),
    "a refusal tells nobody": Mutation("billing.alerting:_tell", "was_refused and FULL", "False and FULL"),
    "a threshold is told one too late": Mutation(
        "billing.alerting:_is_reached", "<= window.settled", "< window.settled"
    ),
    "a threshold is forgotten after the first": Mutation("billing.windows:next_alert", "min((", "max(("),
    "what was used before is forgotten": Mutation("billing.limits:_create", "used_in_period(limit, now)", "0"),
    "a lowered limit stays as it was": Mutation("billing.limits:_change", "cap=cap,", ""),
    "a living hold is swept": Mutation("billing.recovery:_stale", "lease_until__lt", "lease_until__gt"),
    "progress is not noted": Mutation("billing.heartbeat:renew", "sorted(progress.items())", "[]"),
    "a fold forgets what was there": Mutation("usage.rollups:_FOLD", "usage_usagerollup.charge + ", ""),
    "a fold deletes nothing": Mutation("usage.rollups:_DELETE", "WHERE event_id IN", "WHERE -event_id IN"),
    "a price of tomorrow is seen a day late": Mutation("billing.offers:_Shelf.holds", "now < self.until", "True"),
    "days begin at midnight UTC": Mutation("foundation.periods:day_start", "tzinfo=zone", "tzinfo=UTC"),
    "weeks begin on Sunday": Mutation("foundation.periods:bounds", "day.weekday()", "(day.weekday() + 1) % 7"),
}  # fmt: skip


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Everybody who imported the function or read the constant from its module sees it changed."""
    name, _, path = mutation.place.partition(":")
    module: Any = importlib.import_module(name)
    owner, _, last = path.rpartition(".")
    holder = getattr(module, owner) if owner else module
    found = inspect.getattr_static(holder, last)
    if isinstance(found, str):
        setattr(holder, last, _replaced(found, mutation))
    else:
        source = _replaced(textwrap.dedent(inspect.getsource(found)), mutation)
        space: dict[str, Any] = {}
        exec(compile(source, mutation.place, "exec"), vars(module), space)
        kept, found.__code__ = found.__code__, space[last].__code__
    try:
        yield
    finally:
        if isinstance(found, str):
            setattr(holder, last, found)
        else:
            found.__code__ = kept


def _replaced(source: str, mutation: Mutation) -> str:
    assert mutation.old in source, f"{mutation.place} no longer has: {mutation.old}"
    return source.replace(mutation.old, mutation.new)


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_machine_notices(machine: type[MoneyMachine], name: str) -> None:
    with mutated(MUTATIONS[name]), pytest.raises(Exception):  # noqa: B017
        run_state_machine_as_test(machine, settings=_UNTIL_FOUND)


def test_a_mutation_that_finds_nothing_fails() -> None:
    with (
        pytest.raises(AssertionError, match="no longer has"),
        mutated(Mutation("billing.rating:hold", "a line that is gone", "")),
    ):
        pass
