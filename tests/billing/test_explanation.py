from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import keys
from billing import explanation, limits
from billing.explanation import Question
from billing.limits import Terms
from billing.models import CreditGrant, Hold, RefusalCount, SpendingLimit, SpendingWindow
from billing.terms import Admission
from tests.billing.desk import admit, ask, serve_all_models
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice():
    made = house()
    serve_all_models()
    return made


def explain(key, **more):
    return explanation.explain(
        Question(**{"model": "deepseek-chat", "input_tokens": 30, "max_tokens": 50, "key_id": key.pk, **more})
    )


def test_it_says_yes_and_spends_nothing(alice):
    key, _ = alice.key()
    limits.set_limit(key, Terms("requests", 5, "day"))
    SpendingWindow.objects.all().delete()
    found = explain(key)
    assert (found.allowed, found.rule, found.holds, found.output_cap) == (True, "allowed", "0.0000631", 50)
    assert [(line.scope, line.name, line.left) for line in found.lines] == [
        ("organization", "requests per minute", "100"),
        ("key", "daily request limit", "5"),
        ("organization", "credit", "20.00"),
    ]
    assert not Hold.objects.exists() and not SpendingWindow.objects.exists() and not RefusalCount.objects.exists()
    # This month's credit would be granted by a real request; the question only counted with it.
    assert not CreditGrant.objects.exists()


def test_it_says_what_admission_says(alice):
    key, secret = alice.key()
    for terms in (Terms("usd", 3 * 57_700, "day"), Terms("requests", 2, "week")):
        limits.set_limit(alice.organization, terms)
    for _ in range(4):
        said = explain(key, input_tokens=10)
        [answer] = admit(ask(key, secret, input_bound=10))
        assert said.allowed == isinstance(answer, Admission)
        if not said.allowed:
            assert (said.rule, said.message) == (answer.kind, answer.message)


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"model": "nothing"}, "model_not_found"),
        ({"input_tokens": 40_000}, "context_length_exceeded"),
        ({"key_id": 0}, "invalid_key"),
        ({"address": "10.0.0.1"}, "ip_not_allowed"),
    ],
)
def test_it_names_the_rule(alice, more, rule):
    key, _ = alice.key(allowed_networks=("192.0.2.0/24",))
    assert explain(key, **more).rule == rule
    assert explain(key, address="192.0.2.7").allowed
    assert explain(key).allowed


def test_the_rate_is_asked_too(alice):
    key, secret = alice.key(requests_per_minute=2)
    admit(*[ask(key, secret)] * 2)
    assert explain(key).rule == "rate_limit_exceeded"
    keys.revoke(key, alice.actor)
    assert explain(key).rule == "revoked"


def test_the_commands_find_a_key_by_its_secret(alice, monkeypatch):
    key, secret = alice.key()
    monkeypatch.setenv("THE_KEY", secret)
    out = StringIO()
    call_command("set_limit", "--secret-env", "THE_KEY", "--requests", "3", "--window", "day", stdout=out)
    assert "hard daily request limit of 3 on the key key; 0 used" in out.getvalue()
    assert SpendingLimit.objects.get().api_key == key
    out = StringIO()
    call_command("explain", "--secret-env", "THE_KEY", "--model", "deepseek-chat", stdout=out)
    assert "ALLOWED" in out.getvalue() and "daily request limit" in out.getvalue()
    call_command("set_limit", "--key", key.public_id, "--requests", "0", "--window", "day", "--remove", stdout=out)
    assert SpendingLimit.objects.get().removed_at


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--key", "key_nothing", "--amount", "1"), "There is no key"),
        (("--secret-env", "NOT_SET", "--amount", "1"), "is not set"),
        (("--project", "proj_x", "--amount", "1"), "begins with proj_"),
        (("--organization", "org_x", "--amount", "1.0000000001"), "There is no organization"),
    ],
)
def test_the_commands_say_what_is_wrong(alice, arguments, hint):
    with pytest.raises(CommandError, match=hint):
        call_command("set_limit", *arguments)
    organization = alice.organization.public_id
    with pytest.raises(CommandError, match="nine decimal places"):
        call_command("set_limit", "--organization", organization, "--amount", "1.0000000001")
