"""How providers answer: everybody sees that, only an operator who they are."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.roles import Role
from billing import provider_health
from billing.terms import ProviderTries
from catalog import providers
from tests.api.client import Door

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def upstreams(alice):
    made = [providers.connect(name, f"https://{name}.example/v1", "sk-x") for name in ("north", "south")]
    providers.serve(made[0], providers.Serves("deepseek-chat", "chat-9"))
    provider_health.record([ProviderTries(made[0].pk, None, 5, AT, AT + timedelta(minutes=1), "broke off")])
    provider_health.watch_providers()
    return made


def test_an_operator_sees_who_it_is_and_how_it_failed(alice, upstreams):
    alice.owner.is_staff = True
    alice.owner.save()
    south, north = Door(user=alice.owner).get("v1/providers").json()["data"]
    assert north == {
        "object": "provider",
        "id": f"provider_{upstreams[0].pk}",
        "name": "north",
        "models": ["deepseek-chat"],
        "state": "down",
        "down_since": "2026-11-24T12:00:00Z",
        "answered_at": None,
        "failed_at": "2026-11-24T12:01:00Z",
        "failed_in_a_row": 5,
        "failure": "broke off",
    }
    assert (south["name"], south["state"], south["failure"]) == ("south", "unknown", None)
    provider_health.record([ProviderTries(upstreams[0].pk, AT + timedelta(minutes=9))])
    provider_health.watch_providers()
    north = Door(user=alice.owner).get("v1/providers").json()["data"][1]
    told = (north["state"], north["answered_at"], north["failed_in_a_row"], north["failure"])
    assert told == ("up", "2026-11-24T12:09:00Z", 0, "broke off")


def test_nobody_else_does_not_even_by_an_operators_key(alice, upstreams):
    alice.owner.is_staff = True
    alice.owner.save()
    by_key = Door(alice.key("admin", scopes=("management",))[1])
    for caller in (by_key, Door(user=alice.member("Ada", Role.ADMIN))):
        body = caller.get("v1/providers").json()["data"]
        assert [(one["name"], one["failure"]) for one in body] == [(None, None)] * 2
        assert [one["state"] for one in body] == ["unknown", "down"]
        assert "north" not in str(body) and "chat-9" not in str(body)
