"""Would this request be answered: the gateway's own rules, without spending anything."""

import pytest

from accounts import keys
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import CreditGrant, Hold, SpendingWindow
from catalog import providers
from foundation.money import NANO
from tests.api.client import Door, fault

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture(autouse=True)
def a_provider(alice):
    """Somebody who serves every model."""
    upstream = providers.connect("fake", "https://upstream.example/v1", "sk-upstream-secret")
    for name in ("deepseek-chat", "deepseek-coder"):
        providers.serve(upstream, providers.Serves(name, name))


def ask(door, api_key, **body):
    return door.post(f"v1/keys/{api_key.public_id}/explain", {"model": "deepseek-chat", **body})


def test_it_says_what_would_be_held_and_what_is_left(alice, admin):
    api_key, _ = alice.key("k")
    limits.set_limit(api_key, Terms("usd", 5 * NANO, "month"), alice.actor)
    body = ask(admin, api_key, input_tokens=1000, max_tokens=100).json()
    assert body["allowed"] and body["rule"] == "allowed"
    assert body["output_cap"] == 100 and not body["output_lowered"]
    by_name = {(line["scope"], line["name"]): line for line in body["limits"]}
    money = by_name["key", "monthly spending limit"]
    assert (money["limit"], money["left"], money["needs"]) == ("5.00", "5.00", body["holds"])
    assert {("organization", "requests per minute"), ("organization", "credit")} <= set(by_name)


def test_it_names_the_rule_that_refuses(alice, admin):
    api_key, _ = alice.key("k", allowed_models=("deepseek-chat",), allowed_networks=("203.0.113.0/24",))
    limits.set_limit(api_key, Terms("requests", 0, "day"), alice.actor)
    assert ask(admin, api_key).json()["rule"] == "insufficient_quota"
    assert ask(admin, api_key, address="198.51.100.1").json()["rule"] == "ip_not_allowed"
    assert ask(admin, api_key, address="203.0.113.9").json()["rule"] == "insufficient_quota"
    assert ask(admin, api_key, model="deepseek-coder").json()["rule"] == "model_not_allowed"
    assert ask(admin, api_key, model="no-such-model").json()["rule"] == "model_not_found"
    keys.revoke(api_key, alice.actor)
    refused = ask(admin, api_key).json()
    assert (refused["allowed"], refused["rule"], refused["holds"]) == (False, "revoked", None)


def test_what_a_refused_request_would_take_is_not_told_as_nothing(alice, admin):
    api_key, _ = alice.key("k")
    limits.set_limit(api_key, Terms("usd", 1, "month"), alice.actor)
    limits.set_limit(api_key, Terms("requests", 5, "day"), alice.actor)
    body = ask(admin, api_key).json()
    assert not body["allowed"] and body["holds"] is None
    assert {line["name"]: line["needs"] for line in body["limits"] if line["scope"] == "key"} == {
        "monthly spending limit": None,
        "daily request limit": "1",
    }
    assert next(line for line in body["limits"] if line["name"] == "credit")["needs"] is None


def test_nothing_is_spent(alice, admin):
    api_key, _ = alice.key("k")
    limits.set_limit(api_key, Terms("usd", 5 * NANO, "month"), alice.actor)
    before = [list(rows.order_by("pk").values()) for rows in (CreditGrant.objects.all(), SpendingWindow.objects.all())]
    assert ask(admin, api_key).json()["allowed"]
    after = [list(rows.order_by("pk").values()) for rows in (CreditGrant.objects.all(), SpendingWindow.objects.all())]
    assert (before, Hold.objects.count()) == (after, 0)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input_tokens": -1}, "input_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 2**40}, "max_tokens"),
        ({"address": "somewhere"}, "address"),
        ({"modell": "x"}, "modell"),
    ],
)
def test_what_makes_no_sense_is_refused(alice, admin, body, param):
    assert fault(ask(admin, alice.key("k")[0], **body))[::2] == (400, param)


def test_who_may_not_see_money_is_not_told_it(alice):
    api_key, _ = alice.key("k")
    assert fault(ask(Door(user=alice.member("Bob", Role.VIEWER)), api_key))[0] == 403
