from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing import day_seals, grants
from billing.models import NO_SEAL, DaySeal
from billing.verification import books
from billing.verification.scope import Scope
from config.schedule import JOBS
from foundation.money import NANO
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.billing.reporter import COST, price_the_past, report, statuses, usage, void
from tests.billing.ruin import ruin
from tests.people import house
from usage.models import UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.database]
FIRST = date(2026, 3, 1)
# Half an hour before the end of the first day.
START = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
ONE = 57_700


class Silence:
    def begin(self, name, total): ...
    def advance(self, rows): ...


def said(days=None):
    return [str(found) for found in books.verify(Scope(timezone.now(), Silence(), seal_days=days))]


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def alice(clock):
    made = house()
    serve_all_models()
    return made


@pytest.fixture
def three_days(alice, clock):
    """Two requests on the first day, none on the second, one on the third, and it is the evening of the fourth."""
    asked = ask(*alice.key())
    settle(outcome(admitted(asked)), outcome(admitted(asked)))
    clock.shift(timedelta(days=2))
    settle(outcome(admitted(asked)))
    grants.give(alice.organization, NANO)
    clock.shift(timedelta(days=1))


def test_each_day_that_is_over_is_sealed_once(three_days):
    assert day_seals.seal_days() == 3
    assert day_seals.seal_days() == 0
    first, second, third = DaySeal.objects.order_by("day")
    assert [first.day, second.day, third.day] == [FIRST + timedelta(days=n) for n in range(3)]
    assert (first.events, second.events, third.events) == (2, 0, 1)
    assert (first.charge, second.charge, third.charge) == (2 * ONE, 0, ONE)
    assert (first.input_tokens, first.output_tokens) == (20, 100)
    events = list(UsageEvent.objects.order_by("pk").values_list("pk", flat=True))
    assert (first.first_event_id, first.last_event_id, second.first_event_id) == (events[0], events[1], None)
    # The plan's credit and two requests; the grant and a request.
    assert (first.entries, second.entries, third.entries) == (6, 0, 4)
    assert third.credit == NANO - ONE
    assert [first.previous_hash, second.previous_hash, third.previous_hash] == [NO_SEAL, first.hash, second.hash]
    assert len({first.hash, second.hash, third.hash}) == 3
    assert said() == []


def test_a_day_waits_until_it_is_surely_over(alice, clock):
    settle(outcome(admitted(ask(*alice.key()))))
    clock.move_to(datetime(2026, 3, 2, 1, 59, tzinfo=UTC))
    assert day_seals.seal_days() == 0
    clock.move_to(datetime(2026, 3, 2, 2, 1, tzinfo=UTC))
    assert day_seals.seal_days() == 1


def test_a_day_waits_for_the_requests_that_it_admitted(alice, clock):
    asked = ask(*alice.key())
    settle(outcome(admitted(asked)))
    under_way = admitted(asked)
    clock.shift(timedelta(days=1))
    assert day_seals.seal_days() == 0
    settle(outcome(under_way))
    assert day_seals.seal_days() == 1
    assert DaySeal.objects.get().events == 2


def test_what_is_older_than_the_first_request_is_in_the_first_seal(alice, clock):
    grants.give(alice.organization, NANO)
    clock.shift(timedelta(days=3))
    assert day_seals.seal_days() == 0
    settle(outcome(admitted(ask(*alice.key()))))
    clock.shift(timedelta(days=1))
    assert day_seals.seal_days() == 1
    seal = DaySeal.objects.get()
    assert (seal.day, seal.entries) == (FIRST + timedelta(days=3), 2 + 2 + 2)


def test_two_processes_seal_a_day_once(three_days, monkeypatch):
    read = day_seals.read

    def beaten(day, previous_hash, *, is_first):
        monkeypatch.setattr(day_seals, "read", read)
        day_seals.seal_days()
        return read(day, previous_hash, is_first=is_first)

    monkeypatch.setattr(day_seals, "read", beaten)
    day_seals.seal_days()
    assert DaySeal.objects.count() == 3
    assert said() == []


def test_the_hash_takes_in_the_one_before(three_days):
    content = day_seals.read(FIRST, NO_SEAL, is_first=True)
    assert day_seals.read(FIRST, NO_SEAL, is_first=True) == content
    assert day_seals.read(FIRST, "1" * 64, is_first=True).hash != content.hash


def test_a_change_of_a_sealed_day_is_found_by_its_day(three_days):
    day_seals.seal_days()
    first = UsageEvent.objects.earliest("pk").pk
    ruin(f"UPDATE usage_usageevent SET duration_ms = duration_ms + 1 WHERE id = {first}")
    found = said()
    assert len(found) == 1
    assert found[0].startswith("day 2026-03-01: sealed hash: expected ")
    # Only the newest are looked at.
    assert said(days=2) == []
    assert len(said(days=3)) == 1


def test_credit_that_was_added_to_a_sealed_day_is_found(three_days, alice):
    day_seals.seal_days()
    grants.give(alice.organization, NANO, at=START + timedelta(days=1))
    found = said()
    assert "day 2026-03-02: sealed entries: expected 0, found 2" in found
    assert f"day 2026-03-02: sealed credit: expected 0, found {NANO}" in found
    assert not any("day 2026-03-01" in words or "day 2026-03-03" in words for words in found)


def test_late_usage_is_sealed_with_the_day_on_which_it_came(three_days, alice, clock):
    day_seals.seal_days()
    price_the_past()
    late = [usage(id="a", at=START), usage(id="b", at=START), void("b")]
    assert statuses(report(alice, *late)) == ["accepted"] * 3
    clock.shift(timedelta(days=1))
    assert day_seals.seal_days() == 1
    assert said() == []
    sealed = DaySeal.objects.first()
    assert (sealed.day, sealed.events, sealed.charge, sealed.entries) == (date(2026, 3, 4), 3, COST, 2)
    for column in ("source", "duration_ms", "charge"):
        ruin(f"UPDATE usage_usageevent SET {column} = '7' WHERE external_id = 'a'")
        assert any(words.startswith("day 2026-03-04: sealed hash") for words in said())


def test_a_house_of_ingested_usage_alone_is_sealed(alice, clock):
    price_the_past()
    report(alice, usage())
    clock.shift(timedelta(days=1))
    assert day_seals.seal_days() == 1
    assert DaySeal.objects.get().day == FIRST


def test_a_forged_chain_is_found(three_days):
    day_seals.seal_days()
    ruin("UPDATE billing_dayseal SET hash = 'f00' WHERE day = '2026-03-02'")
    found = said()
    assert found[0].startswith("day 2026-03-02: sealed hash: expected f00, found ")
    assert found[1].startswith("day 2026-03-03: previous hash: expected f00, found ")
    ruin("DELETE FROM billing_dayseal WHERE day = '2026-03-02'")
    assert any("day after the last sealed one: expected 2026-03-02, found 2026-03-03" in words for words in said())


def test_one_organization_alone_says_nothing_of_seals(three_days, alice):
    day_seals.seal_days()
    ruin("UPDATE billing_dayseal SET hash = 'f00' WHERE day = '2026-03-02'")
    scope = Scope(timezone.now(), Silence(), organization_id=alice.organization.pk)
    assert list(books.verify(scope)) == []


@pytest.mark.parametrize("statement", ["UPDATE billing_dayseal SET id = id", "DELETE FROM billing_dayseal"])
def test_the_database_refuses_to_change_seals(three_days, statement):
    day_seals.seal_days()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)


def test_the_past_of_a_demo_is_not_added_to_sealed_days(three_days):
    day_seals.seal_days()
    with pytest.raises(CommandError, match="sealed"):
        call_command("demo_data", stdout=StringIO())


def test_the_clock_seals():
    assert any(job.run is day_seals.seal_days and job.every == 600 for job in JOBS)
