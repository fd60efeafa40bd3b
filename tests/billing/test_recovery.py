from datetime import timedelta

import pytest
from django.utils import timezone

from billing import heartbeat, recovery
from billing.models import CreditGrant, Hold
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.people import house
from usage.counts import TokenCounts
from usage.models import UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def made():
    alice = house()
    serve_all_models()
    return admitted(ask(*alice.key(), stream=True))


def end_leases():
    Hold.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_hold_within_its_lease_is_left_alone(made):
    assert recovery.sweep_stale_holds() == 0
    assert Hold.objects.get().state == "active"


def test_what_had_produced_nothing_is_released(made):
    end_leases()
    assert recovery.sweep_stale_holds() == 1
    assert CreditGrant.objects.get().held == 0
    assert not UsageEvent.objects.exists()


def test_what_had_produced_something_is_charged_for_its_last_progress(made):
    heartbeat.renew([made.hold_id], {made.hold_id: TokenCounts(10, 0, 7)})
    end_leases()
    assert recovery.sweep_stale_holds() == 1
    event = UsageEvent.objects.get()
    assert (event.output_tokens, event.usage_source, event.finish_reason) == (7, "partial", "recovered")
    grant = CreditGrant.objects.get()
    assert (grant.held, grant.burned) == (0, event.charge)
    assert Hold.objects.get().state == "recovered"


def test_how_much_of_it_was_reasoning_is_kept(made):
    heartbeat.renew([made.hold_id], {made.hold_id: TokenCounts(10, 0, 7, 5)})
    end_leases()
    recovery.sweep_stale_holds()
    assert UsageEvent.objects.get().reasoning_tokens == 5


def test_a_late_settle_charges_no_one(made):
    heartbeat.renew([made.hold_id], {made.hold_id: TokenCounts(10, 0, 7)})
    end_leases()
    recovery.sweep_stale_holds()
    (receipt,) = settle(outcome(made))
    assert receipt.event_id is None
    assert UsageEvent.objects.count() == 1
