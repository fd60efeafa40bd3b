from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import idempotency, keys
from accounts.models import ApiKey, IdempotentRequest
from tests.api.client import Door, fault

pytestmark = pytest.mark.django_db


def age(seconds):
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))


def test_the_same_request_gets_the_same_answer(admin):
    first = admin.post("v1/keys", {"name": "x", "scopes": ["chat"]}, idempotency_key="one")
    again = admin.post("v1/keys", {"scopes": ["chat"], "name": "x"}, idempotency_key="one")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first and again["Idempotency-Replayed"] == "true"
    assert ApiKey.objects.filter(name="x").count() == 1


def test_another_request_is_a_conflict(alice, admin):
    admin.post("v1/keys", {"name": "x"}, idempotency_key="one")
    assert fault(admin.post("v1/keys", {"name": "y"}, idempotency_key="one"))[:2] == (409, "idempotency_key_reused")
    api_key, _ = alice.key("k")
    path = f"v1/keys/{api_key.public_id}/revoke"
    assert fault(admin.post(path, idempotency_key="one"))[0] == 409
    assert not ApiKey.objects.filter(name="y").exists()


def test_what_failed_may_be_tried_again(admin):
    assert fault(admin.post("v1/keys", {"name": "x", "allowed_networks": ["no"]}, idempotency_key="one"))[0] == 400
    assert not IdempotentRequest.objects.exists()
    assert admin.post("v1/keys", {"name": "x"}, idempotency_key="one").status_code == 201


def test_the_secret_is_given_again_for_ten_minutes_then_never(admin):
    first = admin.post("v1/keys", {"name": "x"}, idempotency_key="one").json()
    age(590)
    assert admin.post("v1/keys", {"name": "x"}, idempotency_key="one").json() == first
    age(610)
    late = admin.post("v1/keys", {"name": "x"}, idempotency_key="one")
    assert fault(late)[:2] == (410, "secret_gone")
    assert first["id"] in late.json()["error"]["message"]
    # Emptied, not only hidden.
    idempotency.forget_expired()
    age(590)
    assert fault(admin.post("v1/keys", {"name": "x"}, idempotency_key="one"))[:2] == (410, "secret_gone")
    assert ApiKey.objects.filter(name="x").count() == 1
    age(25 * 3600)
    assert fault(admin.post("v1/keys", {"name": "x"}, idempotency_key="one"))[:2] == (409, "name_taken")


def test_the_stored_answer_does_not_hold_the_secret(admin):
    secret = admin.post("v1/keys", {"name": "x"}, idempotency_key="one").json()["secret"]
    row = IdempotentRequest.objects.get()
    assert row.sealed and row.had_secret
    assert secret not in str([getattr(row, field.name) for field in row._meta.fields])


def test_the_secret_opens_with_the_credentials_own_secret_alone(alice):
    api_key, old = alice.key("admin", scopes=("management",))
    assert Door(old).post("v1/keys", {"name": "x"}, idempotency_key="one").status_code == 201
    new = keys.regenerate(api_key, alice.actor).secret
    again = Door(new).post("v1/keys", {"name": "x"}, idempotency_key="one")
    assert fault(again)[:2] == (410, "secret_gone")
    assert ApiKey.objects.filter(name="x").count() == 1


def test_another_session_of_the_same_person_does_not_get_the_secret(alice):
    here, there = Door(user=alice.owner), Door(user=alice.owner)
    first = here.post("v1/keys", {"name": "x"}, idempotency_key="one")
    assert here.post("v1/keys", {"name": "x"}, idempotency_key="one").json() == first.json()
    assert fault(there.post("v1/keys", {"name": "x"}, idempotency_key="one"))[:2] == (410, "secret_gone")


def test_what_carried_no_secret_is_repeated_all_day(alice, admin):
    api_key, _ = alice.key("k")
    path = f"v1/keys/{api_key.public_id}/disable"
    first = admin.post(path, idempotency_key="one").json()
    keys.enable(api_key, alice.actor)
    age(23 * 3600)
    assert admin.post(path, idempotency_key="one").json() == first
    api_key.refresh_from_db()
    assert api_key.disabled_at is None


def test_keys_of_different_callers_are_different(alice, charlie):
    doors = [
        Door(alice.key("a1", scopes=("management",))[1]),
        Door(alice.key("a2", scopes=("management",))[1]),
        Door(user=alice.owner),
        Door(charlie.key("c", scopes=("management",))[1]),
    ]
    made = {door.post("v1/keys", {"name": f"n{n}"}, idempotency_key="one").json()["id"] for n, door in enumerate(doors)}
    assert len(made) == 4


def test_a_repeated_regeneration_has_one_effect(alice, admin):
    api_key, _ = alice.key("k")
    path = f"v1/keys/{api_key.public_id}/regenerate"
    answers = [admin.post(path, {"grace": "1h"}, idempotency_key="r").json()["secret"] for _ in range(3)]
    assert len(set(answers)) == 1
    assert api_key.secrets.count() == 2


def test_what_is_old_is_forgotten(admin):
    admin.post("v1/keys", {"name": "x"}, idempotency_key="one")
    age(700)
    idempotency.forget_expired()
    assert IdempotentRequest.objects.get().sealed == ""
    age(25 * 3600)
    idempotency.forget_expired()
    assert not IdempotentRequest.objects.exists()
