"""Days are days of the organization's zone: half-hour zones, changes of the clock, just before and after midnight."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from foundation import periods
from tests.dashboard.metered import chart, logged_in, record, request_of, rows
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.database]
SECOND = timedelta(seconds=1)


def organization_in(zone):
    alice = house("Alice")
    alice.organization.time_zone = zone
    alice.organization.save()
    return alice


def bars(client, query):
    """Requests by the short label of each bar."""
    data = chart(client.get(f"/usage/{query}").content.decode())
    totals = [sum(int(one["values"][number]) for one in data["series"]) for number in range(len(data["bars"]))]
    return dict(zip([bar["short"] for bar in data["bars"]], totals, strict=True)), data


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2026, 11, 10), 24),
        ("Asia/Kolkata", date(2026, 11, 10), 24),
        ("Asia/Kathmandu", date(2026, 11, 10), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_a_day_begins_and_ends_at_its_own_midnight(zone, day, hours):
    start = periods.day_start(day, ZoneInfo(zone))
    end = periods.day_start(day + timedelta(days=1), ZoneInfo(zone))
    assert (end - start) / timedelta(hours=1) == hours
    with time_machine.travel(end + timedelta(days=3, hours=1), tick=False):
        alice = organization_in(zone)
        key, _ = alice.key()
        record(*(request_of(key, at) for at in (start - SECOND, start, end - SECOND, end)))
        client = logged_in(alice.owner)
        around = f"?from={day - timedelta(days=2)}&to={day + timedelta(days=2)}&metric=requests"
        counted, data = bars(client, around)
        assert list(counted.values()) == [0, 1, 2, 1, 0]
        assert data["zone"] == zone
        alone = client.get(f"/usage/?from={day}&to={day}")
        assert alone.context["report"].total.requests == 2
        lines = rows(client, around)
        assert [line["requests"] for line in lines] == ["1", "2", "1"]
        assert lines[1]["period_start"] == f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        assert lines[1]["period_end"] == f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        assert {line["time_zone"] for line in lines} == {zone}


@pytest.mark.parametrize(
    ("zone", "day", "bars_of_the_day"),
    [
        ("Asia/Kolkata", date(2026, 11, 10), 24),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/New_York", date(2026, 3, 8), 23),
    ],
)
def test_a_day_by_the_hour_has_the_hours_that_it_had(zone, day, bars_of_the_day):
    start = periods.day_start(day, ZoneInfo(zone))
    with time_machine.travel(start + timedelta(days=2), tick=False):
        alice = organization_in(zone)
        key, _ = alice.key()
        record(*(request_of(key, start + timedelta(minutes=30 * n)) for n in range(bars_of_the_day * 2)))
        page = logged_in(alice.owner).get(f"/usage/?from={day}&to={day}&metric=requests")
        data = chart(page.content.decode())
        assert data["unit"] == "hour"
        assert data["series"][0]["values"] == ["2"] * bars_of_the_day
        assert data["bars"][0]["short"] == "00:00" and data["bars"][-1]["short"] == "23:00"
        names = [bar["long"] for bar in data["bars"]]
        assert len(set(names)) == bars_of_the_day, "the hour that comes twice is told apart"


def test_a_day_without_requests_is_a_bar_of_zero():
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        alice = organization_in("UTC")
        key, _ = alice.key()
        record(*(request_of(key, datetime(2026, 11, day, 12, tzinfo=UTC)) for day in (18, 20)))
        counted, _ = bars(logged_in(alice.owner), "?period=7d&metric=requests")
        assert list(counted.values()) == [0, 1, 0, 1, 0, 0, 0]


def test_today_is_not_over_and_days_before_the_organization_are_blank():
    with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC), tick=False):
        alice = organization_in("UTC")
        key, _ = alice.key()
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        record(request_of(key, datetime(2026, 11, 21, 12, tzinfo=UTC)))
        page = logged_in(alice.owner).get("/usage/?from=2026-11-18&to=2026-11-24")
        states = [bar["state"] for bar in chart(page.content.decode())["bars"]]
        assert states == ["before", "before", "", "", "", "so_far", "before"]
        assert "so far" in page.content.decode()


def test_long_ranges_come_by_the_week_from_monday():
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        alice = organization_in("UTC")
        key, _ = alice.key()
        # A Sunday and the Monday after it.
        record(*(request_of(key, datetime(2026, 11, day, 12, tzinfo=UTC)) for day in (15, 16)))
        counted, data = bars(logged_in(alice.owner), "?from=2026-07-01&to=2026-11-23&metric=requests")
        assert data["unit"] == "week"
        assert [label for label, total in counted.items() if total] == ["9 Nov", "16 Nov"]
        assert data["bars"][0]["short"] == "1 Jul 2026" and data["bars"][1]["short"] == "6 Jul"
        assert data["bars"][1]["long"] == "6 Jul – 12 Jul 2026"


def test_the_zone_of_the_person_changes_nothing():
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        alice = organization_in("Asia/Kolkata")
        key, _ = alice.key()
        # 20 November, 23:59 in Kolkata; still the 20th in UTC, and the 20th in New York.
        record(request_of(key, datetime(2026, 11, 20, 18, 29, tzinfo=UTC)))
        alice.owner.time_zone = "America/New_York"
        alice.owner.save()
        counted, _ = bars(logged_in(alice.owner), "?period=7d&metric=requests")
        assert counted["20 Nov"] == 1


def test_the_comparison_stops_at_the_same_time_of_day():
    with time_machine.travel(datetime(2026, 11, 23, 12, 7, tzinfo=UTC), tick=False):
        alice = organization_in("UTC")
        key, _ = alice.key()
        record(
            request_of(key, datetime(2026, 11, 23, 11, tzinfo=UTC), charge=300),
            request_of(key, datetime(2026, 11, 22, 11, tzinfo=UTC), charge=200),
            request_of(key, datetime(2026, 11, 22, 13, tzinfo=UTC), charge=5_000),
        )
        report = logged_in(alice.owner).get("/usage/?period=today").context["report"]
        assert (report.total.charge, report.before.sums.charge, report.change) == (300, 200, "+50.0%")
        whole = logged_in(alice.owner).get("/usage/?from=2026-11-22&to=2026-11-22").context["report"]
        assert whole.total.charge == 5_200 and not whole.before.is_cut


def test_this_month_is_compared_with_the_same_days_of_the_last():
    with time_machine.travel(datetime(2026, 3, 30, 12, tzinfo=UTC), tick=False):
        alice = organization_in("UTC")
        key, _ = alice.key()
        record(
            request_of(key, datetime(2026, 3, 1, tzinfo=UTC), charge=900),
            request_of(key, datetime(2026, 2, 1, tzinfo=UTC), charge=400),
            request_of(key, datetime(2026, 1, 31, tzinfo=UTC), charge=7_000),
        )
        report = logged_in(alice.owner).get("/usage/?period=month").context["report"]
        assert report.before.words == "1 Feb – 28 Feb 2026"
        assert (report.before.sums.charge, report.change) == (400, "+125.0%")
        last = logged_in(alice.owner).get("/usage/?period=last-month").context["report"]
        assert last.before.words == "1 Jan – 31 Jan 2026"
        assert (last.total.charge, last.before.sums.charge) == (400, 7_000)
