from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts import keys, organizations
from accounts.models import ApiKey
from accounts.roles import Role
from tests.api.client import Door, fault
from tests.people import person

pytestmark = pytest.mark.django_db


def test_me_says_who_calls(alice, admin):
    body = admin.get("v1/me").json()
    assert body["object"] == "caller"
    assert body["organization"] == {
        "id": alice.organization.public_id, "name": "Alice's", "time_zone": "UTC", "suspended": False,
    }  # fmt: skip
    assert body["key"]["name"] == "admin" and body["key"]["scopes"] == ["management"]
    assert body["user"] is None
    assert "manage_keys" in body["permissions"] and "use_playground" not in body["permissions"]


def test_me_says_which_person_calls(alice):
    body = Door(user=alice.member("Bob", Role.VIEWER)).get("v1/me").json()
    assert body["user"] == {"email": "bob@example.com", "name": "Bob", "role": "viewer"}
    assert body["key"] is None
    assert body["permissions"] == ["see_keys", "see_own_usage", "see_usage"]


def test_the_other_header_works_too(alice):
    secret = alice.key("admin", scopes=("management",))[1]
    assert Door().get("v1/me", api_key=secret).status_code == 200
    assert fault(Door().get("v1/me", authorization="Bearer wrong", api_key=secret))[0] == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer sk-short",
        "Bearer \xff\xfe",
        f"Bearer sk-{0:038}",
        "x" * 9000,
    ],
)
def test_what_is_no_key_is_401(authorization):
    response = Door().get("v1/keys", authorization=authorization)
    assert fault(response) == (401, "invalid_api_key", None)
    assert response["WWW-Authenticate"] == "Bearer"


def test_nobody_is_401():
    assert fault(Door().get("v1/keys")) == (401, "invalid_api_key", None)
    assert fault(Door().post("v1/keys", {"name": "x"})) == (401, "invalid_api_key", None)


def test_a_key_that_may_not_call_is_401_at_once(alice):
    api_key, secret = alice.key("admin", scopes=("management",))
    door = Door(secret)
    assert door.get("v1/me").status_code == 200
    keys.disable(api_key, alice.actor)
    assert fault(door.get("v1/me"))[0] == 401
    keys.enable(api_key, alice.actor)
    ApiKey.objects.filter(pk=api_key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert fault(door.get("v1/me"))[0] == 401


def test_scopes_open_their_routes_alone(alice):
    chat, usage = Door(alice.key("chat")[1]), Door(alice.key("usage", scopes=("usage",))[1])
    for path in ("v1/me", "v1/keys", "v1/usage"):
        assert fault(chat.get(path))[:2] == (403, "insufficient_permissions")
    assert fault(usage.get("v1/keys"))[:2] == (403, "insufficient_permissions")
    assert fault(usage.post("v1/keys", {"name": "x"}))[:2] == (403, "insufficient_permissions")
    assert usage.get("v1/me").status_code == 200
    assert usage.get("v1/usage").status_code == 200


def test_a_key_is_held_to_its_networks(alice):
    door = Door(alice.key("admin", scopes=("management",), allowed_networks=("203.0.113.0/24",))[1])
    assert fault(door.get("v1/me"))[:2] == (403, "ip_not_allowed")


def test_a_suspended_organizations_keys_are_refused(alice, admin):
    organizations.suspend(alice.organization, "unpaid", alice.actor)
    assert fault(admin.get("v1/me"))[:2] == (403, "organization_suspended")


def test_a_session_needs_the_csrf_token(alice):
    door = Door(user=alice.owner, csrf=True)
    assert door.get("v1/me").status_code == 200
    assert fault(door.post("v1/keys", {"name": "x"}))[:2] == (403, "csrf_failed")
    door.client.cookies["csrftoken"] = "a" * 32
    assert door.post("v1/keys", {"name": "x"}, x_csrftoken="a" * 32).status_code == 201


def test_a_key_needs_no_csrf_token(alice):
    secret = alice.key("admin", scopes=("management",))[1]
    door = Door(secret, csrf=True)
    assert door.post("v1/keys", {"name": "x"}).status_code == 201


def test_a_person_without_an_organization_is_refused():
    assert fault(Door(user=person("Dora")).get("v1/me"))[0] == 403


def test_who_comes_too_often_is_told_when_to_come_again(alice, admin, settings):
    settings.API_REQUESTS_PER_MINUTE = 3
    assert [admin.get("v1/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    response = admin.get("v1/me")
    assert fault(response) == (429, "rate_limit_exceeded", None)
    assert 1 <= int(response["Retry-After"]) <= 60
    other = Door(alice.key("other", scopes=("management",))[1])
    assert other.get("v1/me").status_code == 200
    cache.clear()
    assert admin.get("v1/me").status_code == 200


def test_answers_are_kept_by_nobody(admin):
    assert admin.get("v1/me")["Cache-Control"] == "no-store"
    assert Door().get("v1/me")["Cache-Control"] == "no-store"
