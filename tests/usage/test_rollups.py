from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.people import house
from usage import reports, rollups
from usage.counts import TokenCounts
from usage.models import PendingRollup, UsageRollup

pytestmark = pytest.mark.django_db


def event(organization, project, key, at, charge=1, model="m"):
    PendingRollup.objects.create(
        event_id=PendingRollup.objects.count() + UsageRollup.objects.count() * 1000 + 1,
        organization=organization,
        project=project,
        api_key=key,
        model=model,
        bucket=at,
        requests=1,
        input_tokens=2,
        cached_input_tokens=3,
        output_tokens=4,
        charge=charge,
    )


@pytest.fixture
def alice():
    return house()


def everything(alice):
    return reports.Filter(alice.organization.pk, datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def test_folding_changes_no_sum(alice):
    key, _ = alice.key()
    start = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    for number in range(30):
        event(alice.organization, alice.project, key, start + timedelta(minutes=15 * (number % 4)), charge=number)
    before = reports.totals(everything(alice))
    assert rollups.fold_pending() == 30
    event(alice.organization, alice.project, key, start, charge=5)
    assert UsageRollup.objects.count() == 4
    after = reports.totals(everything(alice))
    assert after == before + reports.Sums(1, 2, 3, 4, 5)
    assert rollups.fold_pending() == 1
    assert reports.totals(everything(alice)) == after
    assert rollups.fold_pending() == 0


def test_a_settled_request_is_in_the_report_at_once(alice):
    serve_all_models()
    key, secret = alice.key()
    settle(outcome(admitted(ask(key, secret)), TokenCounts(1, 2, 3)))
    sums = reports.totals(everything(alice))
    assert (sums.requests, sums.input, sums.cached_input, sums.output) == (1, 1, 2, 3)
    assert list(reports.breakdown(everything(alice), "model")) == ["deepseek-chat"]
    assert list(reports.breakdown(everything(alice), "key")) == [key.pk]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", "2026-11-23", 24),
        ("Asia/Kolkata", "2026-11-23", 24),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
    ],
)
def test_a_day_is_the_zones_own(alice, zone, day, hours):
    key, _ = alice.key()
    first = datetime.fromisoformat(day).date()
    edges = reports.day_edges(first, first, ZoneInfo(zone))
    assert edges[1] - edges[0] == timedelta(hours=hours)
    for at in (edges[0] - timedelta(minutes=15), edges[0], edges[1] - timedelta(minutes=15), edges[1]):
        event(alice.organization, alice.project, key, at)
    three = reports.day_edges(first - timedelta(days=1), first + timedelta(days=1), ZoneInfo(zone))
    assert [period[None].requests for period in reports.series(everything(alice), three)] == [1, 2, 1]


def test_another_organization_sees_nothing(alice):
    charlie = house("Charlie")
    key, _ = alice.key()
    event(alice.organization, alice.project, key, timezone.now().replace(minute=0, second=0, microsecond=0))
    assert reports.totals(everything(charlie)) == reports.Sums()
