"""Limits & alerts: what the page shows, and what its forms do, without scripts."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import keys
from accounts.models import AuditEntry, Organization
from accounts.roles import Role
from billing import limits, mails
from billing.limits import Terms
from billing.models import CreditGrant, Delivery, Hold, RefusalCount, RefusedRequest, SpendingLimit, SpendingWindow
from billing.recipients import Recipient
from foundation.money import NANO
from tests.billing.desk import ask, refused, serve_all_models
from tests.dashboard.metered import admitted, record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
# What a request of tests.billing.desk.ask holds.
ONE = 57_700
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def alice() -> House:
    return house("Alice")


def terms(alice: House, **over: object) -> dict[str, object]:
    """What the form of a new limit sends."""
    usual = {
        "subject": alice.organization.public_id, "measure": "usd", "amount": "50", "window": "month",
        "action": "hard", "thresholds": "50, 80, 100",
    }  # fmt: skip
    return {**usual, **over}


def test_without_a_limit_the_page_says_what_could_happen(alice: House) -> None:
    page = browser(alice.owner).get("/limits/").content.decode()
    assert "A leaked key could spend your whole balance." in page
    assert "/limits/add/" in page
    assert "Nothing was refused" in page and "No limit has given an alert" in page


def test_a_limit_is_set_once_however_often_it_is_sent(alice: House) -> None:
    client = browser(alice.owner)
    for _ in range(2):
        answer = client.post("/limits/add/", terms(alice, amount="$1,250.50", thresholds="80 %, 50%"))
        assert answer["location"] == "/limits/"
    limit = SpendingLimit.objects.get()
    assert (limit.amount, limit.window, limit.is_hard, limit.thresholds) == (1_250_500_000_000, "month", True, [50, 80])
    assert limit.version == 1 and AuditEntry.objects.filter(action="limit.set").count() == 1
    page = client.get("/limits/").content.decode()
    assert "$1,250.50" in page and "Monthly spending limit" in page


@pytest.mark.parametrize(
    ("measure", "amount", "stored"),
    [("tokens", "5,000,000", 5_000_000), ("requests", "0", 0), ("usd", "0.000000001", 1)],
)
def test_each_measure_is_exact(alice: House, measure: str, amount: str, stored: int) -> None:
    knows = f"{alice.project.public_id}.{measure}.week.{stored}"
    sent = terms(
        alice,
        measure=measure,
        amount=amount,
        window="week",
        action="soft",
        subject=alice.project.public_id,
        knows=knows,
    )
    assert browser(alice.owner).post("/limits/add/", sent).status_code == 302
    limit = SpendingLimit.objects.get()
    assert (limit.measure, limit.amount, limit.project, limit.is_hard) == (measure, stored, alice.project, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": ""}, {"amount": "ten"}, {"amount": "-1"}, {"amount": "1.0000000001"}, {"amount": "9" * 30},
        {"amount": "1,5"}, {"amount": "NaN"}, {"measure": "tokens", "amount": "1.5"}, {"measure": "pounds"},
        {"window": "year"}, {"action": ""}, {"thresholds": "50.5"}, {"thresholds": "0"}, {"thresholds": "1001"},
        {"thresholds": ",".join(str(n) for n in range(1, 20))}, {"amount": HOSTILE},
    ],
)  # fmt: skip
def test_bad_input_keeps_the_text_and_sets_nothing(alice: House, wrong: dict[str, str]) -> None:
    answer = browser(alice.owner).post("/limits/add/", terms(alice, **wrong))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Error: " in page and HOSTILE not in page
    assert 'value="1,5"' in page or wrong.get("amount") != "1,5"
    assert not SpendingLimit.objects.exists()


def test_a_second_limit_of_the_kind_does_not_replace_the_first(alice: House) -> None:
    limits.set_limit(alice.organization, Terms("usd", 50 * NANO, "month"))
    answer = browser(alice.owner).post("/limits/add/", terms(alice, amount="60"))
    assert answer.status_code == 422
    assert "has one already: monthly spending limit of $50.00" in answer.content.decode()
    assert SpendingLimit.objects.get().amount == 50 * NANO


def test_a_limit_under_what_is_used_asks_first(alice: House) -> None:
    key, _ = alice.key("web")
    record(request_of(key, timezone.now(), charge=61_200_000_000))
    client = browser(alice.owner)
    answer = client.post("/limits/add/", terms(alice))
    page = answer.content.decode()
    assert answer.status_code == 422 and "has already used $61.20" in page
    assert not SpendingLimit.objects.exists()
    knows = answer.context["stops"]["knows"]
    assert knows in page
    # Another amount is another question.
    assert client.post("/limits/add/", terms(alice, amount="40", knows=knows)).status_code == 422
    assert client.post("/limits/add/", terms(alice, knows=knows)).status_code == 302
    page = client.get("/limits/").content.decode()
    assert "Reached: requests fail with 402" in page and "Raise the limit" in page


def test_a_limit_that_only_tells_stops_nothing_and_asks_nothing(alice: House) -> None:
    assert browser(alice.owner).post("/limits/add/", terms(alice, amount="0", action="soft")).status_code == 302


def test_a_change_holds_and_an_old_form_is_noticed(alice: House) -> None:
    key, _ = alice.key("web")
    limit = limits.set_limit(key, Terms("usd", 50 * NANO, "day"))
    client = browser(alice.owner)
    url = f"/limits/{limit.public_id}/change/"
    assert 'value="50.00"' in client.get(url).content.decode()
    sent = {"amount": "60", "action": "soft", "thresholds": "", "version": limit.version}
    assert client.post(url, sent).status_code == 302
    limit.refresh_from_db()
    assert (limit.amount, limit.is_hard, limit.thresholds, limit.version) == (60 * NANO, False, [], 2)
    # Sent twice: nothing more is changed.
    assert client.post(url, sent).status_code == 302
    answer = client.post(url, {**sent, "amount": "70", "version": 1})
    page = answer.content.decode()
    assert answer.status_code == 422 and "It is $60.00 now" in page and 'value="70"' in page
    assert 'name="version" value="2"' in page
    limit.refresh_from_db()
    assert (limit.amount, limit.version) == (60 * NANO, 2)


def test_removing_says_what_it_held_back_and_ends_it(alice: House) -> None:
    limit = limits.set_limit(alice.organization, Terms("requests", 5, "day"))
    client = browser(alice.owner)
    url = f"/limits/{limit.public_id}/remove/"
    assert "no longer held to it" in client.get(url).content.decode()
    assert SpendingLimit.objects.get().removed_at is None
    assert client.post(url)["location"] == "/limits/"
    assert SpendingLimit.objects.get().removed_at is not None
    assert client.post(url).status_code == 404


def test_used_held_left_and_the_reset_in_the_organizations_zone(alice: House) -> None:
    Organization.objects.update(time_zone="Asia/Kolkata")
    alice.organization.refresh_from_db()
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        limits.set_limit(alice.organization, Terms("usd", 10 * NANO, "month"))
        SpendingWindow.objects.update(settled=4 * NANO, held=1)
        row = browser(alice.owner).get("/limits/").context["rows"][0]
        assert (row.used, row.held, row.left, row.amount) == ("$4.00", "<$0.000001", "$6.00", "$10.00")
        assert (row.resets, row.resets_in) == ("1 Dec 2026, 00:00 IST", "in 7 days")
        assert row.percent == "40.0%"


def test_refusals_and_alerts_are_told_with_their_key(alice: House) -> None:
    key, secret = alice.key(HOSTILE[:60])
    serve_all_models()
    limits.set_limit(key, Terms("usd", 1, "month"))
    refused(ask(key, secret))
    RefusedRequest.objects.create(
        organization=alice.organization, api_key=key, request_id="req_x", model=HOSTILE, code="insufficient_quota",
        message=f"Quota exceeded {HOSTILE}", at=timezone.now(),
    )  # fmt: skip
    page = browser(alice.owner).get("/limits/").content.decode()
    assert "A request did not fit and was refused" in page and "req_x" in page
    assert "402: credit or a limit did not suffice" in page
    assert HOSTILE not in page and "&lt;img" in page
    assert "Nobody gets alerts by e-mail" in page


def test_would_it_be_answered_spends_nothing(alice: House) -> None:
    key, _ = alice.key("web")
    serve_all_models()
    client = browser(alice.owner)
    asked = {"key": key.public_id, "model": "deepseek-chat", "input_tokens": "1000", "max_tokens": "100"}
    answer = client.get("/limits/", asked)
    assert answer.context["answer"].allowed and "Answered" in answer.content.decode()
    limits.set_limit(key, Terms("usd", 1, "month"))
    answer = client.get("/limits/", asked)
    assert answer.context["answer"].rule == "insufficient_quota"
    assert "/billing/" in answer.content.decode()
    assert not Hold.objects.exists() and not RefusalCount.objects.exists()
    assert sum(CreditGrant.objects.values_list("held", flat=True)) == 0
    for wrong in ({"input_tokens": "many"}, {"model": "none"}, {"max_tokens": "0"}, {"input_tokens": "9" * 20}):
        answer = client.get("/limits/", asked | wrong)
        assert answer.status_code == 200 and answer.context["answer"] is None
        assert "<title>Error: " in answer.content.decode()


def test_the_page_takes_a_fixed_number_of_queries(alice: House, django_assert_max_num_queries: object) -> None:
    for number in range(12):
        key = keys.create(alice.project, f"key-{number}", alice.actor).api_key
        limits.set_limit(key, Terms("usd", NANO, "day"))
    client = browser(alice.owner)
    client.get("/limits/")
    with django_assert_max_num_queries(35):  # type: ignore[operator]
        client.get("/limits/")


def test_a_revoked_key_keeps_its_name_beside_its_limit(alice: House) -> None:
    key, _ = alice.key("old-agent")
    limits.set_limit(key, Terms("usd", NANO, "day"))
    keys.revoke(key, alice.actor)
    page = browser(alice.member("Bob", Role.BILLING)).get("/limits/").content.decode()
    assert "old-agent (revoked)" in page


def test_every_page_says_when_the_organizations_limit_is_reached(alice: House) -> None:
    key, secret = alice.key()
    serve_all_models()
    limit = limits.set_limit(alice.organization, Terms("usd", 10 * ONE - 1, "month"))
    assert "reached its limit" not in browser(alice.owner).get("/usage/").content.decode()
    refused(ask(key, secret, max_tokens=1000))
    page = browser(alice.owner).get("/usage/").content.decode()
    assert "reached its limit of $0.000576999." in page and "Raise limit" in page and "fail with 402 until" in page
    viewer = browser(alice.member("Vera", Role.VIEWER)).get("/usage/").content.decode()
    assert (
        "reached its spending limit." in viewer and "$" not in viewer.split('<div class="banner"')[1].split("</div>")[0]
    )
    limits.set_limit(alice.organization, Terms("usd", NANO, "month"))
    assert "reached its limit" not in browser(alice.owner).get("/usage/").content.decode()
    limits.remove(limit)


# ---------------------------------------------------------------- alerts


def test_a_test_goes_to_everybody_who_would_be_told_and_once_a_minute(alice: House) -> None:
    EmailAddress.objects.create(user=alice.owner, email=alice.owner.email, primary=True, verified=True)
    client = browser(alice.owner)
    limits.set_limit(alice.organization, Terms("usd", NANO, "month"), alice.actor)
    page = client.get("/limits/").content.decode()
    assert "Send a test" in page and "1 person by e-mail" in page and "50, 80, 100 % of $1.00" in page
    answer = client.post("/limits/test/", follow=True).content.decode()
    assert f"A test is on its way to {alice.owner.email}." in answer
    assert "less than a minute ago" in client.post("/limits/test/", follow=True).content.decode()
    (sent,) = Delivery.objects.select_related("message__organization")
    composed = mails.compose(sent.message, Recipient(sent.address, "en"), sent.public_id)
    assert composed.to == [alice.owner.email] and composed.subject == "Test: alerts of Alice's reach you"
    assert AuditEntry.objects.filter(action="limit.tested").count() == 1


def test_a_test_without_anybody_to_tell_says_so(alice: House) -> None:
    client = browser(alice.owner)
    assert "Send a test" not in client.get("/limits/").content.decode()
    assert "Nobody would be told" in client.post("/limits/test/", follow=True).content.decode()


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_who_may_not_change_limits_sends_no_test(alice: House, role: Role) -> None:
    client = browser(alice.member("Bob", role))
    assert "Send a test" not in client.get("/limits/").content.decode()
    assert client.post("/limits/test/").status_code == 403
    assert browser(alice.owner).get("/limits/test/").status_code == 405


def test_an_alert_says_when_it_last_fired(alice: House) -> None:
    limits.set_limit(alice.organization, Terms("requests", 4, "month"), alice.actor)
    page = browser(alice.owner).get("/limits/").content.decode()
    assert "50, 80, 100 % of 4 requests" in page and "Never" in page


def test_the_peak_is_the_busiest_minute_of_a_day(alice: House) -> None:
    key = alice.key("own", requests_per_minute=20)[0]
    now = datetime(2026, 11, 23, 14, 5, 30, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        for number, ago in enumerate([3600, 3601, 3602, 7200, 86_500, 86_501, 86_502, 86_503], start=1):
            admitted(key, number, now - timedelta(seconds=ago))
        rates = browser(alice.owner).get("/limits/").context["rates"]
    assert [(one.peak, one.peak_percent) for one in rates] == [(3, "3.0%"), (3, "15.0%")]
