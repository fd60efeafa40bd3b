"""The history of the balance: every line adds up, and the last balance is what is posted."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from billing import balances, codes, grants, ledger, statement
from billing.codes import Terms
from billing.models import Account, GrantKind, LedgerEntry
from foundation import periods
from foundation.money import NANO
from foundation.sql import batch_cursor
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.billing.reporter import COST, amend, price_the_past, report, statuses, usage, void
from tests.people import House, house
from usage import rollups

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def alice() -> House:
    with time_machine.travel(NOW - timedelta(days=40), tick=False):
        made = house(plan="enterprise", rpm=10_000_000)
        serve_all_models()
        Organization.objects.update(time_zone="Asia/Kolkata")
        made.organization.refresh_from_db()
        return made


def lines(alice: House, first: date, last: date, now: datetime = NOW) -> list[tuple[str, str, int, int]]:
    """Kind, day, amount and balance, newest first; the balances add up."""
    read = statement.read(alice.organization, first, last, now)
    balance = read.opening
    for line in reversed(read.lines):
        balance += line.amount
        assert line.balance == balance
    assert read.closing == balance
    return [(line.kind, line.day.isoformat(), line.amount, line.balance) for line in read.lines]


def use(alice: House, key: tuple[object, str], at: datetime, times: int = 1) -> int:
    """Requests at that moment; what they cost."""
    with time_machine.travel(at, tick=False):
        made = [admitted(ask(*key)) for _ in range(times)]  # type: ignore[arg-type]
        return sum(receipt.charge for receipt in settle(*[outcome(one) for one in made]))


def test_an_empty_history_is_empty(alice: House) -> None:
    read = statement.read(alice.organization, date(2026, 11, 1), date(2026, 11, 30), NOW)
    assert (read.opening, read.closing, read.lines) == (0, 0, [])


def test_grants_usage_and_expiry_add_up_to_what_is_posted(alice: House) -> None:
    key = alice.key()
    started = NOW - timedelta(days=30)
    grants.give(alice.organization, NANO, GrantKind.PAYMENT, at=started)
    grants.give(alice.organization, 2 * NANO, at=started, expires_at=NOW - timedelta(days=3))
    with time_machine.travel(NOW - timedelta(days=2), tick=False):
        codes.redeem(alice.organization, codes.create(Terms(5 * NANO)).text, alice.actor)
    early = use(alice, key, NOW - timedelta(days=10), 3)
    today = use(alice, key, NOW - timedelta(minutes=5))
    assert lines(alice, date(2026, 11, 1), date(2026, 11, 30)) == [
        ("usage", "2026-11-23", -today, 6 * NANO - today),
        ("grant", "2026-11-21", 5 * NANO, 6 * NANO),
        ("expiry", "2026-11-20", early - 2 * NANO, NANO),
        ("usage", "2026-11-13", -early, 3 * NANO - early),
    ]
    posted = balances.balance(alice.organization.pk, NOW).posted
    assert statement.read(alice.organization, date(2026, 11, 1), date(2026, 11, 30), NOW).closing == posted
    # The month before: what came later is taken off again.
    assert lines(alice, date(2026, 10, 1), date(2026, 10, 31))[0][3] == 3 * NANO
    assert statement.read(alice.organization, date(2026, 10, 1), date(2026, 10, 31), NOW).opening == 0


def test_a_days_usage_is_of_the_organizations_zone(alice: House) -> None:
    key = alice.key()
    grants.give(alice.organization, NANO, at=NOW - timedelta(days=30))
    # 18:30 UTC is midnight in India.
    before = use(alice, key, datetime(2026, 11, 20, 18, 29, tzinfo=UTC))
    after = use(alice, key, datetime(2026, 11, 20, 18, 30, tzinfo=UTC), 2)
    found = lines(alice, date(2026, 11, 20), date(2026, 11, 21))
    assert [line[:3] for line in found] == [("usage", "2026-11-21", -after), ("usage", "2026-11-20", -before)]


def test_what_is_held_is_still_posted_and_what_begins_later_is_not(alice: House) -> None:
    key = alice.key()
    grants.give(alice.organization, NANO, at=NOW - timedelta(days=1))
    grants.give(alice.organization, NANO, at=NOW - timedelta(days=1), starts_at=NOW + timedelta(days=1))
    with time_machine.travel(NOW, tick=False):
        admitted(ask(*key))
    assert [line[2:] for line in lines(alice, date(2026, 11, 1), date(2026, 11, 30))] == [(NANO, NANO)]
    later = NOW + timedelta(days=2)
    assert [line[2:] for line in lines(alice, date(2026, 11, 1), date(2026, 11, 30), later)] == [
        (NANO, 2 * NANO),
        (NANO, NANO),
    ]


def test_an_adjustment_is_a_line_of_its_own(alice: House) -> None:
    grant = grants.give(alice.organization, NANO, at=NOW - timedelta(days=2))
    assert grant
    entries = ledger.rows(
        "adjust:1",
        alice.organization.pk,
        [ledger.Line(Account.CREDIT, -5, grant.pk), ledger.Line(Account.REVENUE, 5)],
        connection.ops.adapt_datetimefield_value(NOW - timedelta(days=1)),
    )
    with batch_cursor() as cursor:
        ledger.insert(cursor, entries)
    type(grant).objects.filter(pk=grant.pk).update(burned=5)
    assert [line[:1] + line[2:] for line in lines(alice, date(2026, 11, 1), date(2026, 11, 30))] == [
        ("adjustment", -5, NANO - 5),
        ("grant", NANO, NANO),
    ]


def reported(alice: House, at: datetime, *events: dict[str, Any]) -> None:
    """Usage from elsewhere that comes at that moment."""
    with time_machine.travel(at, tick=False):
        assert set(statuses(report(alice, *events))) == {"accepted"}


def test_what_is_reported_late_stands_on_the_day_of_its_charge(alice: House) -> None:
    key = alice.key()
    with time_machine.travel(NOW, tick=False):
        price_the_past()
    november = date(2026, 11, 1), date(2026, 11, 30)
    grants.give(alice.organization, COST, at=NOW - timedelta(days=15))
    reported(alice, NOW - timedelta(days=12), usage(id="a", at=NOW - timedelta(days=12, seconds=5)))
    grants.give(alice.organization, NANO, at=NOW - timedelta(days=2))
    asked = use(alice, key, NOW - timedelta(days=2))
    before = lines(alice, *november, NOW - timedelta(days=1, hours=1))
    assert before == [
        ("usage", "2026-11-21", -asked, NANO - asked),
        ("grant", "2026-11-21", NANO, NANO),
        ("usage", "2026-11-11", -COST, 0),
        ("grant", "2026-11-08", COST, COST),
    ]
    # Used when nothing was left, and the day before; and one of long ago did not happen.
    now = NOW - timedelta(hours=2)
    reported(
        alice,
        now,
        usage(id="b", at=NOW - timedelta(days=11)),
        usage(id="c", at=NOW - timedelta(days=1)),
        usage(id="d", at=now),
        amend("c", 10, 10, at=now),
        void("a", at=now),
    )
    for _ in range(2):
        [late, *others] = lines(alice, *november)
        amended = 10 * 270 + 10 * 1100
        assert late == ("usage", "2026-11-23", -COST - amended, NANO - asked - COST - amended)
        assert others == before
        rollups.fold_pending()
    read = statement.read(alice.organization, *november, NOW)
    assert [line.requests for line in read.lines if line.kind == statement.USAGE] == [2, 1, 1]
    # The next day changes nothing either, whatever is looked at.
    assert lines(alice, *november, NOW + timedelta(days=1)) == [late, *before]
    assert lines(alice, date(2026, 11, 11), date(2026, 11, 21)) == before[:3]


def test_each_days_usage_is_what_the_ledger_has(alice: House) -> None:
    with time_machine.travel(NOW, tick=False):
        price_the_past()
    grants.give(alice.organization, NANO, at=NOW - timedelta(days=20))
    chance = random.Random(7)
    for number in range(30):
        at = NOW - timedelta(minutes=chance.randrange(20_000))
        used = at - timedelta(minutes=chance.choice([0, 14, 90, 1500, 9000])), at + timedelta(minutes=2)
        reported(alice, at, *[usage(id=f"{number}:{place}", at=one) for place, one in enumerate(used)])
    by_day: Counter[str] = Counter()
    for entry in LedgerEntry.objects.filter(account=Account.CREDIT, event_id__isnull=False):
        by_day[periods.day_of(entry.at, alice.organization.zone).isoformat()] += entry.amount
    found = lines(alice, date(2026, 11, 1), date(2026, 11, 30), NOW + timedelta(minutes=30))
    assert {day: amount for kind, day, amount, _ in found if kind == "usage"} == by_day
    cut = lines(alice, date(2026, 11, 15), date(2026, 11, 18), NOW + timedelta(minutes=30))
    assert cut == [line for line in found if "2026-11-15" <= line[1] <= "2026-11-18"]


def test_the_credit_of_a_month_is_there_when_the_statement_is_the_first_to_ask() -> None:
    alice = house()
    # The clock runs on while it is given, and the statement is of the moment at which it was asked for.
    with time_machine.travel(timezone.now() + timedelta(days=40), tick=True):
        today = periods.day_of(timezone.now(), alice.organization.zone)
        read = statement.read(alice.organization, today.replace(day=1), today)
        assert [line.kind for line in read.lines if line.day == today] == ["grant"]
        assert (read.opening, read.closing) == (0, balances.balance(alice.organization.pk, timezone.now()).posted)
        assert read.closing > 0


def test_credit_that_began_and_was_used_after_the_clock_was_read_changes_nothing_before(alice: House) -> None:
    key = alice.key()
    grants.give(alice.organization, NANO, at=NOW - timedelta(days=1))
    # Another request gave it, as a month's credit at midnight, and it burns first.
    grants.give(alice.organization, NANO, at=NOW + timedelta(seconds=1), expires_at=NOW + timedelta(days=30))
    spent = use(alice, key, NOW + timedelta(seconds=2))
    read = statement.read(alice.organization, date(2026, 11, 20), date(2026, 11, 23), NOW)
    assert (read.opening, read.closing) == (0, 2 * NANO - spent)
    assert [(line.kind, line.balance) for line in read.lines] == [
        ("grant", 2 * NANO - spent),
        ("usage", NANO - spent),
        ("grant", NANO),
    ]
    read = statement.read(alice.organization, date(2026, 11, 20), date(2026, 11, 22), NOW)
    assert (read.opening, read.closing) == (0, NANO)
