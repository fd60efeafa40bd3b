"""The Overview: balance, this month, today, pace, recent requests, and the way to the first call."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache

from accounts.roles import Role
from billing import grants, limits, opening
from billing.limits import Terms
from billing.models import GrantKind, LowBalance, RefusalCount, RefusedRequest
from catalog import providers
from catalog.models import Provider
from foundation.money import NANO
from tests.dashboard.metered import admitted, chart, logged_in, record, request_of
from tests.people import house

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    with time_machine.travel(NOW - timedelta(days=90), tick=False):
        made = house("Alice", rpm=60)
        made.one = made.key("one")[0]
    with time_machine.travel(NOW, tick=False):
        yield made


def test_before_the_first_call_it_shows_how_to_make_it(alice):
    page = logged_in(alice.owner).get("/")
    text = page.content.decode()
    assert page.context["report"].is_new
    assert "Make your first call" in text and "curl http://testserver/v1/chat/completions" in text
    assert "&quot;deepseek-chat&quot;" in text or '"deepseek-chat"' in text
    assert "$20.00" in text, "the plan's credit of this month"


def test_it_says_that_nothing_is_stored(alice):
    assert "is not stored anywhere" in logged_in(alice.owner).get("/").content.decode()


def test_it_says_when_the_demo_provider_answers(alice):
    client = logged_in(alice.owner)
    assert "repeats your message" not in client.get("/").content.decode()
    opening.route_demo("http://127.0.0.1:9/v1")
    assert providers.demo_in_use()
    assert "demo provider answers: it repeats your message" in client.get("/").content.decode()


def test_an_answer_that_broke_off_is_among_the_recent_errors(alice):
    record(
        request_of(alice.one, NOW - timedelta(hours=1), request_id="req_ok"),
        request_of(
            alice.one, NOW - timedelta(hours=2), request_id="req_broke", status=502, finish_reason="upstream_error"
        ),
    )
    bob = alice.member("Bob", Role.DEVELOPER, works_here=False)
    page = logged_in(alice.owner).get("/")
    assert page.context["report"].errors == 1
    assert [(one.key, one.said, one.url) for one in page.context["errors"]] == [
        ("one", "502: Broke off", "/usage/requests/req_broke/")
    ]
    assert "Recent errors" not in logged_in(bob).get("/").content.decode(), "whose projects made no request"


def test_month_today_and_the_same_days_before(alice):
    record(
        request_of(alice.one, NOW - timedelta(hours=1), charge=300),
        request_of(alice.one, datetime(2026, 11, 1, tzinfo=UTC), charge=700),
        request_of(alice.one, datetime(2026, 10, 23, 13, tzinfo=UTC), charge=400, model="deepseek-coder"),
        request_of(alice.one, datetime(2026, 10, 23, 14, 30, tzinfo=UTC), charge=90_000),
    )
    page = logged_in(alice.owner).get("/")
    report = page.context["report"]
    assert (report.month.charge, report.today.charge, report.today.requests) == (1_000, 300, 1)
    assert (report.before.sums.charge, report.change) == (400, "+150.0%")
    data = chart(page.content.decode())
    assert len(data["bars"]) == 30 and sum(int(one) for row in data["series"] for one in row["values"]) == 1_000
    assert data["bars"][-1]["url"] == "/usage/?from=2026-11-23&to=2026-11-23"
    (top,) = report.top_keys
    assert (top.name, top.sums.charge) == ("one", 1_000)
    assert [one.event.charge for one in report.recent] == [300, 700, 90_000, 400]


def test_a_cost_that_is_not_zero_never_shows_as_zero(alice):
    record(request_of(alice.one, NOW - timedelta(hours=1), charge=1))
    text = logged_in(alice.owner).get("/").content.decode()
    assert "&lt;$0.000001" in text and "0.000000001" in text and ">0.00</data>" not in text


def test_the_pace_counts_every_admission_of_the_last_minute(alice):
    other = house("Charlie").key("other")[0]
    for number, ago in enumerate((0.5, 30, 59, 61, 300), start=1):
        admitted(alice.one, number, NOW - timedelta(seconds=ago))
    admitted(other, 99, NOW - timedelta(seconds=1))
    report = logged_in(alice.owner).get("/").context["report"]
    assert (report.pace.used, report.pace.limit, report.pace.plan) == (3, 60, "Pro")


def test_how_long_the_balance_lasts(alice):
    grants.give(alice.organization, 50 * NANO, GrantKind.PAYMENT)
    client = logged_in(alice.owner)
    assert client.get("/").context["report"].days_left is None
    record(*(request_of(alice.one, NOW - timedelta(days=day), charge=2 * NANO) for day in range(1, 8)))
    report = client.get("/").context["report"]
    # The events were not burned from the grants here: $70 at $2 a day.
    assert (report.balance.available, report.days_left) == (70 * NANO, 35)
    assert "about 35 days" in client.get("/").content.decode()


def test_bob_the_viewer_sees_no_money(alice):
    record(request_of(alice.one, NOW - timedelta(hours=1), charge=NANO))
    client = logged_in(alice.member("Bob", Role.VIEWER))
    page = client.get("/")
    text = page.content.decode().split("<main")[1]
    assert "$" not in text and "Balance" not in text and "Cost" not in text
    assert page.context["report"].balance is None
    assert "Tokens this month" in text and chart(text)["metric"] == "tokens"


def test_how_a_request_ended_badly_is_said(alice):
    record(
        request_of(alice.one, NOW - timedelta(hours=1), finish_reason="client_closed", status=499),
        request_of(alice.one, NOW - timedelta(hours=2), finish_reason="upstream_error", status=503),
    )
    text = logged_in(alice.owner).get("/").content.decode()
    assert "stopped by the client" in text and "broke off" in text


def test_the_newest_refusals_and_the_fullest_limits_are_told(alice):
    record(request_of(alice.one, NOW - timedelta(hours=1), charge=NANO))
    limits.set_limit(alice.organization, Terms("requests", 4, "month"))
    limits.set_limit(alice.one, Terms("usd", 100 * NANO, "month"))
    RefusedRequest.objects.create(
        organization=alice.organization,
        api_key=alice.one,
        request_id="req_1",
        at=NOW,
        model="gpt-<b>",
        code="model_not_found",
        message="no",
    )
    client = logged_in(alice.owner)
    page = client.get("/")
    text = page.content.decode()
    assert [row.limit.measure for row in page.context["closest"]] == ["requests", "usd"]
    assert "/docs/errors/model_not_found/" in text and "gpt-&lt;b&gt;" in text and "404: no such model" in text
    # Who sees no money is told of no limit in money.
    page = logged_in(alice.member("Bob", Role.VIEWER)).get("/")
    assert [row.limit.measure for row in page.context["closest"]] == ["requests"]


def test_little_credit_is_said_on_every_page(alice):
    client = logged_in(alice.owner)
    assert "little of the credit is left" not in client.get("/").content.decode()
    LowBalance.objects.create(organization=alice.organization, since=NOW)
    for url in ("/", "/keys/", "/usage/"):
        assert "little of the credit is left" in client.get(url).content.decode()
    assert "little of the credit" not in logged_in(alice.member("Bob", Role.VIEWER)).get("/").content.decode()


def test_errors_times_and_the_limit_of_the_month_stand_on_the_cards(alice):
    record(
        request_of(alice.one, NOW - timedelta(hours=1), charge=NANO, duration_ms=840, first_token_ms=120),
        request_of(alice.one, NOW - timedelta(hours=2), charge=NANO, duration_ms=860, first_token_ms=140),
        request_of(alice.one, NOW - timedelta(hours=3), status=503, finish_reason="upstream_error"),
        request_of(alice.one, NOW - timedelta(hours=25), duration_ms=9_000, first_token_ms=9_000),
    )
    RefusalCount.objects.create(
        organization=alice.organization, project=alice.project, api_key=alice.one, model="deepseek-chat",
        code="rate_limit_exceeded", minute=NOW.replace(second=0), count=1,
    )  # fmt: skip
    limits.set_limit(alice.organization, Terms("usd", 100 * NANO, "month"))
    page = logged_in(alice.owner).get("/")
    report, text = page.context["report"], page.content.decode()
    assert (report.errors, report.error_rate) == (2, "50.0%")
    assert (report.times.duration, report.times.first_token) == (850, 130)
    assert "850 ms" in text and "130 ms to the first token" in text and "50.0% errors (2)" in text
    assert "of the limit of $100.00" in text
    text = logged_in(alice.member("Bob", Role.VIEWER)).get("/").content.decode().split("<main")[1]
    assert "50.0% errors (2)" in text and "$" not in text


def test_the_status_of_the_api_is_one_line(alice):
    cache.clear()
    opening.route_demo("http://127.0.0.1:9/v1")
    Provider.objects.update(enabled=False)
    text = logged_in(alice.owner).get("/").content.decode()
    assert "Not working: deepseek-chat, deepseek-coder, deepseek-math" in text and 'href="/status/"' in text
    cache.clear()


def test_the_banner_says_for_how_long_the_rest_lasts(alice):
    record(*(request_of(alice.one, NOW - timedelta(days=day), charge=2 * NANO) for day in range(7)))
    LowBalance.objects.create(organization=alice.organization, since=NOW)
    assert "Balance is $20.00, about 10 days at this rate." in logged_in(alice.owner).get("/limits/").content.decode()
    record(request_of(alice.one, NOW - timedelta(hours=1), charge=900 * NANO))
    assert "less than a day at this rate" in logged_in(alice.owner).get("/limits/").content.decode()
