"""Errors, times and members on the Usage page: from refusals and events of the same filter, for everyone in reach."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine

from accounts import keys
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import RefusalCount
from foundation.money import NANO
from tests.dashboard.metered import chart, logged_in, record, request_of
from tests.people import house
from usage import pace

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    with time_machine.travel(NOW - timedelta(days=200), tick=False):
        alice = house("Alice")
        bob = alice.member("Bob", Role.DEVELOPER)
        one = alice.key("one")[0]
        two = keys.create(alice.project, "two", alice.actor, owner=bob).api_key
        shared = keys.playground_key(alice.project)
    with time_machine.travel(NOW, tick=False):
        record(
            request_of(one, NOW - HOUR, duration_ms=100),
            request_of(one, NOW - HOUR, duration_ms=300),
            request_of(one, NOW - HOUR, duration_ms=500),
            request_of(one, NOW - HOUR, duration_ms=9, status=503, finish_reason="upstream_error"),
            request_of(one, NOW - HOUR, duration_ms=9, status=499, finish_reason="client_closed"),
            request_of(two, NOW - 30 * HOUR, duration_ms=2_000, model="deepseek-coder"),
            request_of(shared, NOW - 31 * HOUR, duration_ms=4_000),
        )
        refuse(one, "rate_limit_exceeded", 40)
        refuse(one, "insufficient_quota", 2)
        refuse(two, "model_not_found", 3, model="unknown")
        # Outside of the last 30 days.
        refuse(one, "insufficient_quota", 1_000, at=NOW - timedelta(days=31))
        yield SimpleNamespace(alice=alice, bob=bob, one=one, two=two, shared=shared, me=logged_in(alice.owner))


def refuse(key, code, count, *, model="deepseek-chat", at=NOW - HOUR):
    RefusalCount.objects.create(
        organization=key.organization, project=key.project, api_key=key, model=model, code=code, count=count,
        minute=at.replace(second=0, microsecond=0),
    )  # fmt: skip


def lines(page):
    return {line.name: (line.sums.requests, line.errors, line.pace.duration) for line in page.context["report"].lines}


def test_each_row_has_its_errors_and_its_time(world):
    assert lines(world.me.get("/usage/")) == {
        "deepseek-chat": (6, 43, 400),
        "deepseek-coder": (1, 0, 2_000),
        "unknown": (0, 3, None),
    }
    assert lines(world.me.get("/usage/?by=key")) == {
        "one": (5, 43, 300),
        "two": (1, 3, 2_000),
        "Playground": (1, 0, 4_000),
    }
    assert lines(world.me.get("/usage/?by=project"))["Default"] == (7, 46, 500)


def test_days_have_theirs(world):
    found = lines(world.me.get("/usage/?by=day&period=7d"))
    assert list(found.values())[:2] == [(5, 46, 300), (2, 0, 3_000)]
    assert sum(errors for _, errors, _ in found.values()) == 46


def test_the_cards_and_the_total_say_what_failed_and_what_was_blocked(world):
    page = world.me.get("/usage/")
    text = page.content.decode()
    assert "1 failed" in text and "40 more blocked by 429" in text
    trouble = page.context["report"].breakdown.trouble
    assert (trouble.errors, trouble.failed, trouble.too_fast) == (46, 1, 40)
    assert sum(line.errors for line in page.context["report"].lines) == 46


def test_members_are_those_who_own_the_keys(world):
    assert lines(world.me.get("/usage/?by=member")) == {
        "Keys of projects": (5, 43, None),
        "Bob": (1, 3, 2_000),
        "Playground": (1, 0, None),
    }


def test_a_filter_of_members_narrows_everything(world):
    query = f"?member={world.bob.public_id}"
    page = world.me.get(f"/usage/{query}")
    assert page.context["report"].total.requests == 1
    assert page.context["report"].breakdown.trouble.errors == 3
    assert 'aria-label="Remove filter Member: Bob"' in page.content.decode()
    assert len(world.me.get(f"/usage/requests/{query}").context["rows"]) == 1
    export = b"".join(world.me.get(f"/usage/export.csv{query}").streaming_content).decode()
    assert export.count("\n") == 2 and "deepseek-coder" in export


def test_somebody_elses_member_is_not_there(world):
    charlie = house("Charlie")
    assert world.me.get(f"/usage/?member={charlie.owner.public_id}").status_code == 404
    assert logged_in(charlie.owner).get(f"/usage/?member={world.bob.public_id}").status_code == 404


def test_a_developer_sees_the_errors_of_own_projects_alone(world):
    other = world.alice.organization.projects.create(name="Secret")
    refuse(keys.create(other, "unseen-key", world.alice.actor).api_key, "rate_limit_exceeded", 99)
    text = logged_in(world.bob).get("/usage/?by=key").content.decode()
    assert "40 more blocked by 429" in text and "unseen-key" not in text
    assert "139 more blocked by 429" in world.me.get("/usage/?by=key").content.decode()


def test_a_sample_reads_no_further_for_requests_without_a_time(world, monkeypatch):
    """However many reports say none: what is read stays bounded."""
    monkeypatch.setattr(pace, "MOST", 3)
    monkeypatch.setattr(pace, "_FEWEST_A_PERIOD", 3)
    key = world.alice.key("reported")[0]
    # In the hour of the others, after them.
    record(*(request_of(key, NOW - HOUR + timedelta(minutes=number), duration_ms=0) for number in (1, 2, 3)))
    sample = world.me.get("/usage/?period=today&by=key").context["report"].breakdown.paces
    assert (sample.is_sample, sample.of_all.number) == (True, 0)
    monkeypatch.setattr(pace, "MOST", 100)
    whole = world.me.get("/usage/?period=today&by=key").context["report"].breakdown.paces
    assert (whole.is_sample, whole.of(world.one.pk).duration, whole.of(key.pk).duration) == (False, 300, None)


def test_many_requests_are_sampled_and_the_page_says_so(world, monkeypatch):
    monkeypatch.setattr(pace, "MOST", 3)
    monkeypatch.setattr(pace, "_FEWEST_A_PERIOD", 2)
    page = world.me.get("/usage/")
    assert page.context["report"].breakdown.paces.is_sample
    assert "the median of a sample of 4 answered requests" in page.content.decode()


def test_the_page_takes_a_fixed_number_of_queries(world, django_assert_max_num_queries):
    for number in range(12):
        key = world.alice.key(f"key-{number}")[0]
        record(request_of(key, NOW - HOUR), request_of(key, NOW - 50 * HOUR, model=f"model-{number}"))
    # The month's credit is made once.
    world.me.get("/usage/")
    for by in ("model", "key", "project", "member", "day"):
        with django_assert_max_num_queries(38):
            world.me.get(f"/usage/?by={by}")


def test_tokens_are_divided_by_model_or_by_kind(world):
    text = world.me.get("/usage/?metric=tokens&split=kind").content.decode()
    data = chart(text)
    assert [one["name"] for one in data["series"]] == ["Input", "Cached input", "Output"]
    assert [sum(map(int, one["values"])) for one in data["series"]] == [7 * 6, 7 * 4, 7 * 5]
    assert "Tokens by kind, per day" in text
    assert (
        chart(world.me.get("/usage/?metric=cost&split=kind").content.decode())["series"][0]["name"] == "deepseek-chat"
    )


def test_a_limit_as_long_as_a_bar_is_drawn_on_what_it_is_on(world):
    limits.set_limit(world.alice.organization, Terms("usd", 5 * NANO, "day", True, ()), world.alice.actor)
    limits.set_limit(world.one, Terms("usd", 2 * NANO, "day", True, ()), world.alice.actor)
    text = world.me.get("/usage/").content.decode()
    assert chart(text)["limit"] == {"value": str(5 * NANO), "text": "Daily spending limit: $5.00"}
    assert text.count("Daily spending limit: $5.00") >= 3, "in the figures, the legend and the words of the picture"
    assert chart(world.me.get(f"/usage/?key={world.one.public_id}").content.decode())["limit"]["value"] == str(2 * NANO)
    for other in ("?model=deepseek-chat", "?period=today", "?metric=tokens", f"?key={world.two.public_id}"):
        assert chart(world.me.get(f"/usage/{other}").content.decode())["limit"] is None
    # A developer does not see what all others use, so the organization's limit says nothing.
    assert chart(logged_in(world.bob).get("/usage/").content.decode())["limit"] is None


def test_an_open_page_can_ask_whether_there_is_something_newer(world):
    page = world.me.get("/usage/")
    asked = page.context["newest_url"]
    assert world.me.get(asked).json() == {"newest": page.context["newest"]}
    record(request_of(world.one, NOW - timedelta(minutes=1), request_id="req_newer"))
    assert world.me.get(asked).json() == {"newest": "req_newer"}
    assert "newest_url" in page.context and not world.me.get("/usage/?period=last-month").context["newest_url"]
    assert logged_in(house("Charlie").owner).get("/usage/newest.json").json() == {"newest": ""}


def test_requests_have_a_histogram_that_leads_to_their_time(world):
    page = world.me.get("/usage/requests/?period=7d")
    data = chart(page.content.decode())
    assert [bar["total"] for bar in data["bars"]] == ["0", "0", "0", "0", "0", "2", "5"]
    assert data["bars"][-1]["url"] == "?from=2026-11-23&to=2026-11-23"
    today = chart(world.me.get("/usage/requests/?period=today").content.decode())
    assert "hour=2026-11-23T13%3A00Z" in today["bars"][13]["url"]


def test_a_histogram_counts_by_how_requests_ended(world, monkeypatch):
    failed = world.me.get("/usage/requests/?period=7d&status=5xx")
    data = chart(failed.content.decode())
    assert [bar["total"] for bar in data["bars"]][-2:] == ["0", "1"] and failed.context["total"].requests == 1
    assert data["bars"][-1]["url"] == "?from=2026-11-23&to=2026-11-23&status=5xx"
    left = world.me.get("/usage/requests/?period=today&ended=client_closed")
    assert chart(left.content.decode())["bars"][13]["total"] == "1"
    # Its sums are those of the requests of the list.
    whole = world.me.get("/usage/requests/?period=7d").context["total"]
    answered = world.me.get("/usage/requests/?period=7d&status=2xx").context["total"]
    assert (answered.requests, whole.requests) == (5, 7) and 0 < answered.charge < whole.charge
    monkeypatch.setattr("dashboard.request_histogram._MOST_PASSED", 6)
    many = world.me.get("/usage/requests/?period=7d&status=2xx")
    assert many.context["histogram"] is None and "These are too many to count" in many.content.decode()
    assert world.me.get("/usage/requests/?period=7d&status=5xx").context["histogram"]


def names(page):
    return [line.name for line in page.context["report"].lines]


def heads(page):
    return {head.title: (head.direction, head.url) for head in page.context["heads"]}


def test_a_heading_sorts_and_says_so(world):
    page = world.me.get("/usage/?by=key&sort=-errors")
    assert names(page)[:2] == ["one", "two"]
    assert heads(page)["Errors"] == ("descending", "?by=key&sort=errors")
    text = page.content.decode()
    assert text.count("aria-sort") == 1 and '<input type="hidden" name="sort" value="-errors">' in text
    assert names(world.me.get("/usage/?by=key&sort=errors"))[::-1][:2] == ["one", "two"]
    assert names(world.me.get("/usage/?by=key&sort=name")) == ["one", "Playground", "two"]
    assert names(world.me.get("/usage/?by=key&sort=-time")) == ["Playground", "two", "one"]
    usual = world.me.get("/usage/?by=key&sort=secret")
    assert heads(usual)["Share of spend"] == ("descending", "?by=key&sort=share")
    assert heads(world.me.get("/usage/?by=key&sort=share"))["Share of spend"][1] == "?by=key"


def test_days_are_sorted_as_days(world):
    newest = world.me.get("/usage/?by=day")
    assert heads(newest)["Day"] == ("descending", "?by=day&sort=name")
    assert names(world.me.get("/usage/?by=day&sort=name")) == names(newest)[::-1]
    # No time was measured on most days: they stand behind.
    assert [line.pace.duration for line in world.me.get("/usage/?by=day&sort=time").context["report"].lines][2:] == [
        None
    ] * 28
    assert world.me.get("/usage/?by=day&sort=-requests").context["report"].lines[0].sums.requests == 5


def test_who_sees_no_money_cannot_sort_by_it(world):
    page = logged_in(world.alice.member("Vera", Role.VIEWER)).get("/usage/?by=key&sort=-cost")
    assert "Cost (USD)" not in heads(page) and page.context["filter"].sort == ""
