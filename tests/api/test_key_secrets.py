"""Rotation by script: who still uses the old secret, and how to stop it."""

import pytest

from accounts.models import ApiKeySecret
from tests.api.client import Door, fault

pytestmark = pytest.mark.django_db


def test_it_tells_who_still_uses_the_old_secret(alice, admin):
    api_key, old = alice.key("k", scopes=("usage",))
    path = f"v1/keys/{api_key.public_id}"
    first = admin.get(f"{path}/secrets").json()
    assert first["rotated_at"] is None
    assert [one["state"] for one in first["data"]] == ["current"]
    new = admin.post(f"{path}/regenerate", {"grace": "24h"}).json()["secret"]
    assert Door(old).get("v1/me", x_forwarded_for="198.51.100.1").status_code == 200
    told = admin.get(f"{path}/secrets").json()
    assert [one["state"] for one in told["data"]] == ["current", "retiring"]
    assert told["rotated_at"] == told["data"][0]["created_at"] == told["counted_since"]
    fresh, retiring = told["data"]
    assert retiring["hint"] == f"sk-…{old[-4:]}" and fresh["hint"] == f"sk-…{new[-4:]}"
    assert retiring["last_used_at"] and retiring["last_address"] == "127.0.0.1"
    assert fresh["last_used_at"] is None and fresh["last_address"] is None
    assert old not in str(told) and new not in str(told)


def test_the_old_secret_is_stopped_now(alice, admin):
    api_key, old = alice.key("k", scopes=("usage",))
    path = f"v1/keys/{api_key.public_id}"
    new = admin.post(f"{path}/regenerate", {"grace": "7d"}).json()["secret"]
    answers = [admin.post(f"{path}/stop-old-secret", idempotency_key="stop") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["previous_secret_ends_at"] is None
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert fault(Door(old).get("v1/me"))[0] == 401
    assert Door(new).get("v1/me").status_code == 200
    stopped = admin.get(f"{path}/secrets").json()["data"][1]
    assert stopped["state"] == "stopped" and stopped["stops_at"]


def test_without_an_old_secret_nothing_changes(alice, admin):
    api_key, secret = alice.key("k", scopes=("usage",))
    assert admin.post(f"v1/keys/{api_key.public_id}/stop-old-secret").status_code == 200
    assert Door(secret).get("v1/me").status_code == 200
    assert ApiKeySecret.objects.get(api_key=api_key).ends_at is None


def test_charlie_learns_nothing(alice, charlie):
    api_key, _ = alice.key("k")
    door = Door(charlie.key("admin", scopes=("management",))[1])
    assert fault(door.get(f"v1/keys/{api_key.public_id}/secrets"))[0] == 404
    assert fault(door.post(f"v1/keys/{api_key.public_id}/stop-old-secret"))[0] == 404
