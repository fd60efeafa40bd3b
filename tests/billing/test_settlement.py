import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from billing.models import CreditGrant, Hold, LedgerEntry
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.people import house
from usage.counts import TokenCounts
from usage.models import PendingRollup, UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice():
    made = house()
    serve_all_models()
    return made


def test_it_records_charges_and_frees_in_one_go(alice):
    made = admitted(ask(*alice.key()))
    (receipt,) = settle(outcome(made, TokenCounts(10, 0, 20)))
    assert receipt.charge == 24_700
    event = UsageEvent.objects.get()
    assert (event.pk, event.charge, event.overrun) == (made.hold_id, 24_700, 0)
    grant = CreditGrant.objects.get()
    assert (grant.held, grant.burned) == (0, 24_700)
    assert Hold.objects.get().state == "settled"
    assert PendingRollup.objects.get().charge == 24_700


def test_settling_twice_is_settling_once(alice):
    made = admitted(ask(*alice.key()))
    first, second = settle(outcome(made), outcome(made))
    (third,) = settle(outcome(made))
    assert (first.charge, second.event_id, third.event_id) == (57_700, None, None)
    assert UsageEvent.objects.count() == 1


@pytest.mark.parametrize("release_first", [True, False])
def test_a_release_beside_a_settle_of_the_same_hold_loses(alice, release_first):
    made = admitted(ask(*alice.key()))
    ends = [outcome(made, None), outcome(made)]
    receipts = settle(*(ends if release_first else reversed(ends)))
    assert sorted(receipt.charge for receipt in receipts) == [0, 57_700]
    assert Hold.objects.get().state == "settled"
    assert UsageEvent.objects.get().charge == 57_700
    grant = CreditGrant.objects.get()
    assert (grant.held, grant.burned) == (0, 57_700)


def test_the_ledger_sums_to_zero(alice):
    settle(outcome(admitted(ask(*alice.key()))))
    sums = LedgerEntry.objects.values("transaction").annotate(total=Sum("amount"))
    assert len(sums) == 2
    assert all(row["total"] == 0 for row in sums)
    credit = LedgerEntry.objects.filter(account="credit").aggregate(total=Sum("amount"))["total"]
    grant = CreditGrant.objects.get()
    assert credit == grant.amount - grant.burned


def test_more_than_was_held_is_the_operators_overrun(alice):
    made = admitted(ask(*alice.key()))
    (receipt,) = settle(outcome(made, TokenCounts(10, 0, 51)))
    event = UsageEvent.objects.get()
    assert receipt.charge == 57_700
    assert event.overrun == 1_100


def test_a_release_charges_nothing_and_leaves_no_event(alice):
    (receipt,) = settle(outcome(admitted(ask(*alice.key())), None))
    assert receipt.event_id is None
    assert CreditGrant.objects.get().held == 0
    assert Hold.objects.get().state == "released"
    assert not UsageEvent.objects.exists()


def test_a_settlement_that_waited_for_weeks_is_recorded(alice):
    made = admitted(ask(*alice.key()))
    settle(outcome(made, first_token_at=made.admitted_at + 1, finished_at=made.admitted_at + 40 * 86_400))
    event = UsageEvent.objects.get()
    assert (event.first_token_ms, event.duration_ms) == (1000, 2**31 - 1)


def test_reported_zero_is_respected(alice):
    settle(outcome(admitted(ask(*alice.key())), TokenCounts(0, 0, 0)))
    assert UsageEvent.objects.get().charge == 0
    assert LedgerEntry.objects.filter(event_id__isnull=False).count() == 0


@pytest.mark.parametrize("table", ["usage_usageevent", "billing_ledgerentry", "accounts_auditentry"])
def test_the_database_refuses_to_change_facts(alice, table):
    settle(outcome(admitted(ask(*alice.key()))))
    for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)
