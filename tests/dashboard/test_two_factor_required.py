"""An organization that asks for two-factor log-in: members without one are led to set it up, and nowhere else."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import Organization, User
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db
NEEDED = "/two-factor/"


def protect(user: User, kind: str = Authenticator.Type.TOTP) -> None:
    """Give the person a second factor."""
    Authenticator.objects.create(user=user, type=kind, data={})


@pytest.fixture
def alice() -> House:
    made = house("Alice")
    protect(made.owner)
    return made


def require(alice: House, asked: bool = True) -> Client:
    client = browser(alice.owner)
    answer = client.post("/settings/organization/access/", {"requires_two_factor": "on"} if asked else {})
    assert answer.status_code == 302, answer.content
    alice.organization.refresh_from_db()
    return client


def test_a_member_without_one_is_led_to_it_from_every_page_and_sees_nothing(alice: House) -> None:
    client = browser(alice.member("Bob", Role.ADMIN))
    assert client.get("/keys/").status_code == 200
    require(alice)
    for path in ("/", "/keys/", "/usage/", "/usage/export.csv", "/members/", "/playground/", "/settings/organization/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, NEEDED), path
    assert client.post("/keys/create/", {"name": "x"}).headers["location"] == NEEDED
    page = client.get(NEEDED).content.decode()
    assert "asks its members for a second factor" in page and "/accounts/2fa/totp/activate/" in page
    assert "Balance" not in page
    # Their own account stays in reach, without a figure of the organization.
    for path in ("/settings/", "/settings/security/"):
        assert "Balance" not in client.get(path).content.decode()


def test_with_one_everything_is_as_before(alice: House) -> None:
    bob = alice.member("Bob", Role.ADMIN)
    client = browser(bob)
    require(alice)
    assert client.get("/keys/").status_code == 302
    protect(bob, Authenticator.Type.WEBAUTHN)
    assert client.get("/keys/").status_code == 200
    assert client.get(NEEDED).headers["location"] == "/"


def test_it_is_taken_back(alice: House) -> None:
    client = browser(alice.member("Bob", Role.ADMIN))
    require(alice)
    require(alice, asked=False)
    assert client.get("/keys/").status_code == 200


def test_the_playground_and_the_api_refuse_as_well(alice: House) -> None:
    client = browser(alice.member("Bob", Role.ADMIN))
    require(alice)
    asked = client.post(
        "/playground/chat/",
        json.dumps({"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello"}]}),
        content_type="application/json",
        headers={"x-playground-project": alice.project.public_id, "x-playground-turn": "0123456789abcdef" * 2},
    )
    assert (asked.status_code, asked.json()["error"]["code"]) == (403, "two_factor_required")
    told = client.get("/api/v1/keys")
    assert (told.status_code, told.json()["error"]["code"]) == (403, "insufficient_permissions")


def test_who_has_none_cannot_ask_it_of_others(alice: House) -> None:
    Authenticator.objects.all().delete()
    answer = browser(alice.owner).post(
        "/settings/organization/access/", {"requires_two_factor": "on", "allowed_domains": "example.com"}
    )
    text = answer.content.decode()
    assert answer.status_code == 422 and "<title>Error: " in text
    assert "Set up two-factor log-in for yourself first" in text and "example.com</textarea>" in text
    assert not Organization.objects.get().requires_two_factor


def test_it_is_asked_only_in_that_organization(alice: House) -> None:
    charlie = house("Charlie")
    bob = charlie.member("Bob", Role.DEVELOPER)
    require(alice)
    assert browser(bob).get("/keys/").status_code == 200
    alice.organization.memberships.create(user=bob, role=Role.DEVELOPER)
    client = browser(bob)
    client.post(f"/organizations/{alice.organization.public_id}/switch/")
    page = client.get(NEEDED).content.decode()
    assert f"/organizations/{charlie.organization.public_id}/switch/" in page
    client.post(f"/organizations/{charlie.organization.public_id}/switch/")
    assert client.get("/keys/").status_code == 200


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_only_owners_and_admins_change_it(alice: House, role: Role) -> None:
    client = browser(alice.member("Bob", role))
    assert client.post("/settings/organization/access/", {"requires_two_factor": "on"}).status_code == 403
    assert not Organization.objects.get().requires_two_factor
