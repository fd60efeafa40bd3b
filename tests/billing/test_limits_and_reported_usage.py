"""A correction takes from a window only what the window counted, whenever the limit came, wherever the day begins."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization
from billing import grants, limits
from billing.limits import Terms
from billing.models import SpendingLimit, SpendingWindow
from billing.verification import books
from billing.verification.scope import Scope
from catalog.models import Price
from foundation.money import NANO
from tests.billing.reporter import COST, amend, report, statuses, usage, void
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NOW = datetime(2026, 11, 10, 10, 30, tzinfo=UTC)


class Silence:
    def begin(self, name: str, total: int) -> None: ...
    def advance(self, rows: int) -> None: ...


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def alice(clock: time_machine.Traveller) -> House:
    alice = house()
    Price.objects.update(effective_from=NOW - timedelta(days=90))
    grants.give(alice.organization, NANO)
    return alice


def moved(alice: House, zone: str) -> None:
    Organization.objects.filter(pk=alice.organization.pk).update(time_zone=zone)
    alice.organization.refresh_from_db()


def limit(alice: House, window: str = "day") -> SpendingLimit:
    return limits.set_limit(alice.organization, Terms("usd", NANO, window), alice.actor)


def counted(found: SpendingLimit) -> list[int]:
    """What the limit's windows say, oldest first; the books agree."""
    assert [str(one) for one in books.verify(Scope(timezone.now(), Silence()))] == []
    return list(SpendingWindow.objects.filter(limit=found).order_by("starts_at").values_list("settled", flat=True))


def test_what_was_before_the_first_day_is_not_taken_back_after_a_move(alice: House) -> None:
    moved(alice, "Pacific/Kiritimati")
    found = limit(alice)
    # Their day began half an hour ago; in UTC it is still the day of two hours ago.
    assert statuses(report(alice, usage(id="e", at=NOW - timedelta(hours=2)))) == ["accepted"]
    moved(alice, "UTC")
    assert statuses(report(alice, void("e"))) == ["accepted"]
    assert counted(found) == [0]


def test_what_was_before_the_first_month_is_not_lessened_after_a_move(alice: House) -> None:
    found = limit(alice, "month")
    report(alice, usage(id="e", at=datetime(2026, 10, 31, 23, tzinfo=UTC)), usage(id="f"))
    moved(alice, "Asia/Kolkata")
    assert statuses(report(alice, amend("e", 1, 1))) == ["accepted"]
    assert counted(found) == [COST]


@pytest.mark.parametrize(("now", "early"), [("10:12", "10:16"), ("23:57", "00:01")])
def test_a_new_limit_counts_what_was_reported_early(
    alice: House, clock: time_machine.Traveller, now: str, early: str
) -> None:
    hour, minute = map(int, now.split(":"))
    clock.move_to(NOW.replace(hour=hour, minute=minute))
    at = timezone.now() + timedelta(minutes=4)
    assert f"{at:%H:%M}" == early
    report(alice, usage(id="e", at=at))
    found = limit(alice)
    assert sum(counted(found)) == COST
    clock.move_to(at)
    assert limits.status([found])[0].settled == COST
    assert statuses(report(alice, void("e"))) == ["accepted"]
    assert sum(counted(found)) == 0
