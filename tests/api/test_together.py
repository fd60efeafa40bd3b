"""Requests that come at the same moment."""

import threading

import pytest
from django.db import connections

from accounts.models import ApiKey
from tests.api.client import Door
from tests.people import house

pytestmark = pytest.mark.database


def together(*requests):
    """The responses to requests that start at once, each in a thread of its own."""
    gate, answers = threading.Barrier(len(requests)), []

    def run(request):
        try:
            gate.wait(20)
            answers.append(request())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[request]) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    return answers


@pytest.fixture
def alix(own_database):
    return house("Alix")


@pytest.fixture
def secret(alix):
    return alix.key("admin", scopes=("management",))[1]


def test_of_the_same_request_one_takes_effect(secret):
    answers = together(*[lambda: Door(secret).post("v1/keys", {"name": "x"}, idempotency_key="one")] * 6)
    assert [answer.status_code for answer in answers] == [201] * 6, [answer.content for answer in answers]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert sum("Idempotency-Replayed" in answer for answer in answers) == 5
    assert ApiKey.objects.filter(name="x").count() == 1


def test_of_different_requests_with_one_idempotency_key_one_takes_effect(secret):
    def ask(name):
        return lambda: Door(secret).post("v1/keys", {"name": name}, idempotency_key="one")

    answers = together(*[ask(f"x{number}") for number in range(4)])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert ApiKey.objects.filter(name__startswith="x").count() == 1


def test_of_two_changes_none_is_lost(alix, secret):
    api_key, _ = alix.key("k")

    def change(body):
        return lambda: Door(secret).patch(f"v1/keys/{api_key.public_id}", body)

    bodies = {"requests_per_minute": 5, "allowed_networks": ["203.0.113.0/24"], "allowed_models": ["deepseek-chat"]}
    answers = together(*[change({name: value}) for name, value in bodies.items()])
    assert [answer.status_code for answer in answers] == [200] * 3
    api_key.refresh_from_db()
    assert {name: getattr(api_key, name) for name in bodies} == bodies


def test_of_two_regenerations_each_leaves_one_current_secret(alix, secret):
    api_key, _ = alix.key("k", scopes=("management",))
    path = f"v1/keys/{api_key.public_id}/regenerate"
    answers = together(*[lambda: Door(secret).post(path) for _ in range(4)])
    assert [answer.status_code for answer in answers] == [200] * 4
    alive = [Door(answer.json()["secret"]).get("v1/me").status_code for answer in answers]
    assert sorted(alive) == [200, 401, 401, 401]
