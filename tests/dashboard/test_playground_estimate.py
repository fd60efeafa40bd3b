"""The estimate under the composer is what admission would count and hold."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts.roles import Role
from billing import rating
from catalog.models import LanguageModel
from dashboard import playground_models
from foundation.money import usd_string
from gateway import tokens
from tests.people import House, house

pytestmark = pytest.mark.django_db
MESSAGES = [{"role": "user", "content": "How many tokens is this?"}]


@pytest.fixture
def alice() -> House:
    return house("Alice")


def ask(alice: House, user: Any = None, **members: Any) -> Any:
    client = Client()
    client.force_login(user or alice.owner)
    body = {"model": "deepseek-chat", "messages": MESSAGES, **members}
    return client.post("/playground/estimate/", json.dumps(body), content_type="application/json")


def test_it_is_what_would_be_held(alice: House) -> None:
    [model] = playground_models.choices(alice.organization, "deepseek-chat")
    counted = tokens.count_prompt(MESSAGES)
    assert ask(alice, max_tokens=100).json() == {
        "tokens": counted,
        "most_usd": usd_string(rating.hold(counted, 100, model.prices)),
    }
    assert ask(alice).json()["most_usd"] == usd_string(rating.hold(counted, model.max_output, model.prices))


def test_without_a_vocabulary_the_bytes_bound_the_input(alice: House) -> None:
    LanguageModel.objects.filter(name="deepseek-chat").update(vocabulary="")
    [model] = playground_models.choices(alice.organization, "deepseek-chat")
    bound = tokens.upper_bound(MESSAGES)
    assert ask(alice, max_tokens=1).json()["most_usd"] == usd_string(rating.hold(bound, 1, model.prices))


def test_what_does_not_fit_is_said_with_the_context(alice: House) -> None:
    found = ask(alice, max_tokens=32_768).json()
    assert found == {"tokens": tokens.count_prompt(MESSAGES), "context": 32_768}


@pytest.mark.parametrize("members", [{"model": "no-such-model"}, {"messages": []}, {"temperature": 3}])
def test_what_would_be_refused_has_no_estimate(alice: House, members: dict[str, Any]) -> None:
    assert ask(alice, **members).json() == {}


def test_a_viewer_gets_none(alice: House) -> None:
    assert ask(alice, alice.member("Vera", Role.VIEWER)).status_code == 403
