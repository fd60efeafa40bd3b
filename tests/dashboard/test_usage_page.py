"""What the Usage page says when there is nothing to say, and that it works without JavaScript and inline code."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts import keys
from tests.dashboard.metered import chart, logged_in, record, request_of
from tests.people import house

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    with time_machine.travel(NOW - timedelta(days=200), tick=False):
        made = house("Alice")
        made.one = made.key("one")[0]
    with time_machine.travel(NOW, tick=False):
        yield made


def test_nothing_ever(alice):
    text = logged_in(alice.owner).get("/usage/").content.decode()
    assert "No requests yet" in text and "Make your first call" in text and "<canvas" not in text


def test_nothing_in_these_days(alice):
    record(request_of(alice.one, NOW - timedelta(days=10)))
    text = logged_in(alice.owner).get("/usage/?from=2026-11-20&to=2026-11-22").content.decode()
    assert "No usage from 20 Nov 2026 to 22 Nov 2026. Last use on 13 Nov 2026." in text
    assert "Show last 30 days" in text and "<canvas" not in text


def test_nothing_for_long_leads_to_the_last_days_with_something(alice):
    record(request_of(alice.one, NOW - timedelta(days=100)))
    text = logged_in(alice.owner).get("/usage/").content.decode()
    assert "Last use on 15 Aug 2026." in text
    assert "?from=2026-08-09&amp;to=2026-08-15" in text and "Show those days" in text


def test_the_last_use_that_is_told_is_the_one_that_is_led_to(alice):
    record(request_of(alice.one, NOW - timedelta(days=2)), request_of(alice.one, NOW, model="deepseek-coder"))
    client = logged_in(alice.owner)
    fits = client.get("/usage/?period=today&model=deepseek-chat")
    assert "No usage on 23 Nov 2026. Last use on 21 Nov 2026." in fits.content.decode()
    assert fits.context["empty_url"] == "?model=deepseek-chat"
    never = client.get("/usage/?period=today&model=deepseek-math")
    assert "without them, the last use was on 23 Nov 2026." in never.content.decode()
    assert "Last use on" not in never.content.decode() and never.context["empty_url"] == "?"


def test_every_playground_is_one_key_of_its_project(alice):
    other = alice.organization.projects.create(name="Storefront")
    record(*(request_of(keys.playground_key(one), NOW - timedelta(hours=1)) for one in (alice.project, other)))
    lines = logged_in(alice.owner).get("/usage/?by=key").context["report"].lines
    assert [(line.name, line.note) for line in lines] == [("Playground", "Default"), ("Playground", "Storefront")]


def test_nothing_inline_and_the_figures_without_javascript(alice):
    record(request_of(alice.one, NOW - timedelta(hours=1), model="</script><script>alert(1)</script>"))
    response = logged_in(alice.owner).get("/usage/")
    text = response.content.decode()
    assert "unsafe" not in response["Content-Security-Policy"]
    assert " style=" not in text and " onclick=" not in text and "<script>" not in text
    assert chart(text)["series"][0]["name"] == "</script><script>alert(1)</script>"
    assert "<table" in text and "Show as table" in text and "no-store" in response["Cache-Control"]


def test_many_keys_are_summed_up_and_still_add_up(alice, monkeypatch):
    monkeypatch.setattr("dashboard.usage_lines.MOST_ROWS", 3)
    made = [alice.key(f"key-{number}")[0] for number in range(6)]
    record(*(request_of(key, NOW - timedelta(hours=1), charge=10 + n) for n, key in enumerate(made)))
    report = logged_in(alice.owner).get("/usage/?by=key").context["report"]
    assert [line.name for line in report.lines] == ["key-5", "key-4", "key-3", "3 more"]
    assert sum(line.sums.charge for line in report.lines) == report.total.charge == 75


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("column", ["requests", "input", "cached", "output", "cost", "share"])
def test_of_many_keys_those_are_shown_that_come_first(alice, monkeypatch, column, way):
    """Whatever column sorts them: not the largest by spend, put in another order."""
    made = [alice.key(f"key-{number}")[0] for number in range(6)]
    requests = []
    for number, key in enumerate(made):
        tokens = 200 + (number * 7) % 11, 100 + (number * 3) % 7, 100 + (number * 5) % 11
        requests.append(request_of(key, NOW - timedelta(hours=1), charge=10 + (number * 5) % 7, tokens=tokens))
        for _ in range((number * 2) % 7):
            requests.append(request_of(key, NOW - timedelta(hours=1), charge=0, tokens=(0, 0, 0)))
    record(*requests)
    address = f"/usage/?by=key&sort={way}{column}"
    every = [line.name for line in logged_in(alice.owner).get(address).context["report"].lines]
    monkeypatch.setattr("dashboard.usage_lines.MOST_ROWS", 3)
    report = logged_in(alice.owner).get(address).context["report"]
    assert [line.name for line in report.lines] == [*every[:3], "3 more"]
    assert sum(line.sums.charge for line in report.lines) == report.total.charge
    assert not report.breakdown.sorts_the_largest


def test_it_says_so_where_only_the_largest_are_sorted(alice, monkeypatch):
    monkeypatch.setattr("dashboard.usage_lines.MOST_ROWS", 3)
    made = [alice.key(f"key-{number}")[0] for number in range(6)]
    record(*(request_of(key, NOW - timedelta(hours=1), charge=10 + n) for n, key in enumerate(made)))
    response = logged_in(alice.owner).get("/usage/?by=key&sort=name")
    assert [line.name for line in response.context["report"].lines] == ["key-3", "key-4", "key-5", "3 more"]
    assert "the largest rows are sorted, not all" in response.content.decode()
