"""A limit that comes with a key, and what the list says of it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import SpendingLimit, SpendingWindow
from foundation.money import NANO
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice() -> House:
    return house("Alice")


def send(client: Client, alice: House, **more: str) -> object:
    token = client.get("/keys/create/").context["form"]["token"].value()
    data = {"name": "web", "project": alice.project.public_id, "owner": "me", "expires_in": "90", "scopes": ["chat"]}
    return client.post("/keys/create/", {**data, "token": token, **more})


def test_a_key_is_made_with_its_limit(alice: House) -> None:
    answer = send(browser(alice.owner), alice, spending_limit="12.50", limit_window="week")
    assert answer.status_code == 200  # type: ignore[attr-defined]
    limit = SpendingLimit.objects.get()
    assert (limit.api_key, limit.amount, limit.window, limit.is_hard) == (
        ApiKey.objects.get(name="web"), 12_500_000_000, "week", True,
    )  # fmt: skip


@pytest.mark.parametrize("typed", ["ten", "-1", "99999999999"])
def test_a_wrong_limit_makes_no_key_and_stays_in_its_field(alice: House, typed: str) -> None:
    answer = send(browser(alice.owner), alice, spending_limit=typed)
    text = answer.content.decode()  # type: ignore[attr-defined]
    assert not ApiKey.objects.filter(name="web").exists()
    assert f'value="{typed}"' in text and '<details class="mb-2" open>' in text


def test_who_may_not_change_limits_is_not_asked_and_not_heard(alice: House) -> None:
    client = browser(alice.member("Bob", Role.DEVELOPER))
    assert "spending_limit" not in client.get("/keys/create/").content.decode()
    send(client, alice, spending_limit="5")
    assert ApiKey.objects.filter(name="web").exists() and not SpendingLimit.objects.exists()


def test_a_day_of_ones_own_choice_goes_before_the_list(alice: House) -> None:
    day = (timezone.now() + timedelta(days=12)).date()
    send(browser(alice.owner), alice, expires_on=day.isoformat())
    expires_at = ApiKey.objects.get(name="web").expires_at
    assert expires_at and expires_at.date() == day
    answer = send(browser(alice.owner), alice, name="late", expires_on="2001-01-01")
    assert "must be in the future" in answer.content.decode()  # type: ignore[attr-defined]


def test_the_list_says_what_is_allowed_and_when_it_is_used_up(alice: House) -> None:
    key, _ = alice.key("web")
    limits.set_limit(key, Terms("usd", 10 * NANO, "month"), alice.actor)
    client = browser(alice.owner)
    row = client.get("/keys/").context["rows"][0]
    assert (row.limit_text, row.status) == ("of $10.00 (Monthly spending limit)", "Active")
    SpendingWindow.objects.update(settled=10 * NANO)
    row = client.get("/keys/").context["rows"][0]
    assert (row.status, row.tone) == ("Over limit", "danger")
    assert '<span class="status danger">Over limit</span>' in client.get(f"/keys/{key.public_id}/").content.decode()
    # What was spent in a month is no part of another limit.
    calls = alice.key("calls")[0]
    limits.set_limit(calls, Terms("requests", 20, "day"), alice.actor)
    assert client.get("/keys/").context["rows"][0].limit_text == "limit: 20 requests (Daily request limit)"
    keys.revoke(calls, alice.actor)
    # Who does not see money sees that it stands still, and not what it may spend.
    viewer = browser(alice.member("Lena", Role.VIEWER)).get("/keys/").context["rows"][0]
    assert (viewer.limit_text, viewer.status) == ("", "Over limit")


def test_a_limit_that_only_tells_stops_nothing(alice: House) -> None:
    key, _ = alice.key("web")
    limits.set_limit(key, Terms("requests", 1, "day", False), alice.actor)
    SpendingWindow.objects.update(settled=1)
    assert browser(alice.owner).get("/keys/").context["rows"][0].status == "Active"


def test_the_currency_is_named_on_a_phone_too(alice: House) -> None:
    alice.key("web")
    page = browser(alice.owner).get("/keys/").content.decode()
    assert ">Spend this month (USD)</th>" in page and 'data-th="Spend this month (USD)"' in page
