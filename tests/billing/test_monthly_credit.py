"""A plan's credit comes once a month, whatever an organization says of its time zone."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import organizations
from accounts.models import Organization
from billing import balances
from billing.models import CreditGrant
from foundation import periods
from tests.billing.desk import admitted, ask, serve_all_models
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.database]
UTC_, HONOLULU, KATHMANDU, KIRITIMATI = "UTC", "Pacific/Honolulu", "Asia/Kathmandu", "Pacific/Kiritimati"
ZONES = (UTC_, HONOLULU, KATHMANDU, KIRITIMATI)
# In Kathmandu and Kiritimati December has begun, in Honolulu and at UTC it has not.
EVE = datetime(2026, 11, 30, 18, 40, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def alice() -> House:
    with time_machine.travel(EVE, tick=False):
        return house(plan="free")


def look(alice: House, at: datetime, zone: str) -> None:
    """Somebody looks at the balance when the organization is in that zone."""
    Organization.objects.filter(pk=alice.organization.pk).update(time_zone=zone)
    with time_machine.travel(at, tick=False):
        balances.balance(alice.organization.pk)


def months() -> list[str]:
    """Which months' credit was given, in that order."""
    given = CreditGrant.objects.filter(kind="plan").order_by("pk")
    return [source.removeprefix("plan:free:") for source in given.values_list("source", flat=True)]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([(0, KATHMANDU), (0, HONOLULU), (0, UTC_), (0, KIRITIMATI)], ["2026-12"]),
        ([(0, HONOLULU), (0, KATHMANDU), (0, HONOLULU)], ["2026-11"]),
        # December begins at UTC at 5:20 hours; the credit of Honolulu's November ends at 15:20.
        ([(0, HONOLULU), (6, UTC_), (15, KIRITIMATI), (16, UTC_), (17, HONOLULU)], ["2026-11", "2026-12"]),
        ([(0, UTC_), (5, UTC_), (6, UTC_), (6, HONOLULU), (20, HONOLULU)], ["2026-11", "2026-12"]),
        # January in the zone of that time: in Honolulu it begins 15:20 hours after these 31 days.
        ([(0, KATHMANDU), (1, HONOLULU), (31 * 24 + 15, HONOLULU), (31 * 24 + 16, HONOLULU)], ["2026-12", "2027-01"]),
        ([(0, KATHMANDU), (31 * 24, KATHMANDU), (31 * 24, HONOLULU), (31 * 24, UTC_)], ["2026-12", "2027-01"]),
    ],
)
def test_a_move_of_the_zone_gives_no_second_month(
    alice: House, moves: list[tuple[int, str]], expected: list[str]
) -> None:
    for hours, zone in moves:
        look(alice, EVE + hours * HOUR, zone)
    assert months() == expected


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 5, 9, 14, 26, 700, 730]), st.sampled_from(ZONES)), max_size=12))
def test_there_is_one_months_credit_at_a_time_and_each_month_once(moves: list[tuple[int, str]]) -> None:
    alice = house(f"Alice {Organization.objects.count()}", plan="free")
    mine = CreditGrant.objects.filter(organization=alice.organization, kind="plan").order_by("pk")
    at = EVE
    for hours, zone in moves:
        at += hours * HOUR
        look(alice, at, zone)
        assert mine.filter(balances.live_grants(at)).count() <= 1
    # A day and two hours into a month it has begun everywhere, and the one before has ended everywhere.
    later = periods.next_month_start(at, alice.organization.zone) + 27 * HOUR
    look(alice, later, HONOLULU)
    look(alice, later, KIRITIMATI)
    assert mine.last().source == f"plan:free:{later:%Y-%m}"
    assert mine.filter(balances.live_grants(later)).count() == 1
    sources = list(mine.values_list("source", flat=True))
    assert sources == sorted(set(sources))


def test_a_request_after_a_move_is_paid_by_the_month_that_there_is(alice: House) -> None:
    serve_all_models()
    key = alice.key()
    with time_machine.travel(EVE, tick=False):
        organizations.change(alice.organization, alice.actor, name="Alice", time_zone=KATHMANDU)
        admitted(ask(*key))
        organizations.change(alice.organization, alice.actor, name="Alice", time_zone=HONOLULU)
        asked = ask(*key)
        with CaptureQueriesContext(connection) as asked_for:
            made = admitted(asked)
    assert months() == ["2026-12"] and made.legs
    assert not [query for query in asked_for if 'FROM "billing_subscription"' in query["sql"]]
