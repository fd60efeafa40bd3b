"""The ninety days of the status page: sums that the clock makes, once a day and model, and what their bars say."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import ApiKey
from billing import health_days, status_bars, status_report
from billing.models import HouseDay, ModelDay
from tests.dashboard.test_status_page import asked
from tests.people import house

NOW = datetime(2026, 11, 23, 14, 5, 30, tzinfo=UTC)
TODAY = NOW.date()
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> ApiKey:
    return house("Alice").key()[0]


def row(model: str, day: date = TODAY) -> tuple[int, int, int]:
    found = ModelDay.objects.get(model=model, day=day)
    return found.answered, found.failed, found.bad_minutes


def test_a_day_is_summed_up_by_model_and_for_all(key: ApiKey) -> None:
    with time_machine.travel(NOW, tick=False):
        for ago in (1, 1, 2):
            asked(key, ago * MINUTE)
        # A minute in which as many broke off as were answered, and one in which nobody got an answer.
        asked(key, 1 * MINUTE, model="deepseek-coder")
        asked(key, 1 * MINUTE, model="deepseek-coder", finish_reason="upstream_error", status=503)
        for _ in range(3):
            asked(key, 9 * MINUTE, model="deepseek-coder", answered=False)
        # One without an answer may be a client that left.
        asked(key, 20 * MINUTE, answered=False)
        health_days.sum_up()
        assert row("deepseek-chat") == (3, 1, 0)
        assert row("deepseek-coder") == (1, 4, 2)
        # Of all models together only the minute without any answer is bad.
        assert row("") == (4, 5, 1)


def test_a_day_that_goes_on_is_summed_up_again_and_others_stay(key: ApiKey) -> None:
    with time_machine.travel(NOW - timedelta(days=1), tick=False):
        asked(key, MINUTE)
    with time_machine.travel(NOW, tick=False):
        health_days.sum_up()
        asked(key, MINUTE)
        for _ in range(2):
            health_days.sum_up()
        assert row("") == (1, 0, 0)
        assert row("", TODAY - timedelta(days=1)) == (1, 0, 0)
        assert ModelDay.objects.count() == 4


def test_days_of_long_ago_are_forgotten() -> None:
    ModelDay.objects.create(model="", day=TODAY - timedelta(days=90), answered=1, failed=0, bad_minutes=0)
    kept = ModelDay.objects.create(model="", day=TODAY - timedelta(days=89), answered=1, failed=0, bad_minutes=0)
    HouseDay.objects.create(day=TODAY - timedelta(days=90), first_minute=0, last_minute=1, minutes=2)
    with time_machine.travel(NOW, tick=False):
        health_days.sum_up()
    assert ModelDay.objects.order_by("day").first() == kept
    assert not HouseDay.objects.exists()


def test_each_minute_counts_once_and_a_gap_is_seen() -> None:
    for seconds in (0, 20, 40, 60, 80, 240, 3600):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            health_days.count_minute()
    found = HouseDay.objects.get()
    # 14:05, 14:06, 14:09 with the two before it, for a late clock stood not still, and 15:05.
    assert (found.first_minute, found.last_minute, found.minutes) == (845, 905, 6)
    history = status_bars.of_house(NOW)
    assert history.bars[-1] == status_bars.Bar("23 Nov: did not run for 55 min", "warn")
    assert history.uptime == "9.83%"


def test_bars_say_what_they_stand_for() -> None:
    for ago, answered, failed, bad in ((0, 10, 0, 0), (1, 1_204, 12, 12), (2, 0, 9_000, 300)):
        ModelDay.objects.create(
            model="", day=TODAY - timedelta(days=ago), answered=answered, failed=failed, bad_minutes=bad
        )
    history = status_bars.of_models([], NOW)[""]
    assert len(history.bars) == 90
    assert [(bar.text, bar.tone) for bar in history.bars[-4:]] == [
        ("20 Nov: no requests", ""),
        ("21 Nov: 300 min degraded, 9,000 of 9,000 requests failed", "danger"),
        ("22 Nov: 12 min degraded, 12 of 1,216 requests failed", "warn"),
        ("23 Nov: no trouble, 10 requests", "ok"),
    ]
    known = 2 * 1440 + 14 * 60 + 6
    assert history.uptime == f"{(known - 312) * 100 / known:.4f}"[:5] + "%"


def test_what_was_not_all_is_never_a_hundred_percent() -> None:
    for ago in range(90):
        ModelDay.objects.create(
            model="", day=TODAY - timedelta(days=ago), answered=5, failed=1, bad_minutes=int(ago == 50)
        )
    assert status_bars.of_models([], NOW)[""].uptime == "99.99%"
    ModelDay.objects.update(bad_minutes=0)
    assert status_bars.of_models([], NOW)[""].uptime == "100%"


def test_the_page_has_a_list_of_days_for_the_api_the_console_and_each_model(key: ApiKey) -> None:
    page = Client().get("/status/").content.decode()
    assert page.count("data-bars") == 5 and page.count(": no requests</span>") == 4 * 90
    assert page.count('tabindex="0" data-bars') == 5, "one tab stop a component"
    assert "nothing known yet" in page


def test_errors_and_times_of_a_day_stand_beside_the_model(key: ApiKey) -> None:
    for number in range(9):
        asked(key, (1 + number) * MINUTE, duration_ms=1_000 + number)
    asked(key, 30 * MINUTE, finish_reason="upstream_error", status=503, duration_ms=1)
    (found,) = [one for one in status_report.make(None, datetime.now(UTC)).models if one.answered]
    assert (found.duration_ms, found.error_rate) == (1_004, "10.0%")
    page = Client().get("/status/").content.decode()
    assert "10.0% errors in 24 h" in page and "whole answer after 1.00 s" in page
