"""Webhook endpoints on pages: added, tested, switched, rotated, removed; a secret is in one answer only."""

import re

import pytest
from django.test import Client

from accounts.roles import Role
from billing import webhooks
from billing.models import WebhookEndpoint
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")
URL = "https://example.com/hooks?token=private"


@pytest.fixture
def alice() -> House:
    return house("Alice")


def add(client: Client, token: str = "a" * 32, **over: object) -> str:
    answer = client.post("/limits/webhooks/add/", {"url": URL, "description": "ops", "token": token, **over})
    found = _SECRET.search(answer.content.decode())
    assert found, answer.status_code
    assert "no-store" in answer["Cache-Control"]
    return found[0]


def test_without_an_endpoint_it_says_what_one_is_for(alice: House) -> None:
    page = browser(alice.owner).get("/limits/webhooks/").content.decode()
    assert "No endpoint yet" in page and "/limits/webhooks/add/" in page


def test_an_endpoint_is_added_once_and_its_secret_shown_once(alice: House) -> None:
    client = browser(alice.owner)
    secret = add(client, types=["limit.reached"])
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.types, endpoint.description) == (URL, ["limit.reached"], "ops")
    again = client.post("/limits/webhooks/add/", {"url": URL, "token": "a" * 32})
    assert again["location"] == f"/limits/webhooks/{endpoint.public_id}/"
    assert WebhookEndpoint.objects.count() == 1
    for path in ("/limits/webhooks/", f"/limits/webhooks/{endpoint.public_id}/", "/limits/"):
        assert secret not in client.get(path).content.decode()
    assert "private" not in client.get("/limits/webhooks/").content.decode()
    assert secret not in str(dict(client.session))


@pytest.mark.parametrize(
    "url", ["", "ftp://example.com", "http://127.0.0.1/x", "https://user:pw@example.com", "x" * 3000]
)
def test_an_address_that_will_not_do_is_kept_and_explained(alice: House, url: str) -> None:
    answer = browser(alice.owner).post("/limits/webhooks/add/", {"url": url, "token": "b"})
    assert answer.status_code == 422 and "<title>Error: " in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_change_switch_rotate_remove(alice: House) -> None:
    client = browser(alice.owner)
    old = add(client)
    endpoint = WebhookEndpoint.objects.get()
    url = f"/limits/webhooks/{endpoint.public_id}/"
    assert client.post(url, {"url": "https://example.org/new", "types": [], "description": ""})["location"] == url
    assert client.post(f"{url}switch/", {"on": "no"}).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.is_enabled) == ("https://example.org/new", False)
    assert "Switched off by a member" in client.get(url).content.decode()
    client.post(f"{url}switch/", {"on": "yes"})
    answer = client.post(f"{url}rotate/", {"overlap": "24h", "token": "c" * 32})
    new = _SECRET.search(answer.content.decode())
    assert new and new[0] != old and "no-store" in answer["Cache-Control"]
    assert "An old secret signs until" in client.get(url).content.decode()
    assert client.get(f"{url}remove/").status_code == 200
    assert client.post(f"{url}remove/")["location"] == "/limits/webhooks/"
    assert client.get(url).status_code == 404


def posts(client: Client, endpoint: WebhookEndpoint) -> set[int]:
    verbs = ("", "test/", "switch/", "rotate/", "remove/", "deliveries/dlv_x/replay/")
    return {client.post(f"/limits/webhooks/{endpoint.public_id}/{verb}").status_code for verb in verbs}


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_other_roles_see_and_do_nothing(alice: House, role: Role) -> None:
    endpoint = webhooks.create_endpoint(alice.organization, URL, alice.actor).endpoint
    client = browser(alice.member("Bob", role))
    assert "/limits/webhooks/" not in client.get("/limits/").content.decode()
    for path in ("", "add/", f"{endpoint.public_id}/", f"{endpoint.public_id}/remove/"):
        assert client.get(f"/limits/webhooks/{path}").status_code == 403
    assert posts(client, endpoint) == {403}


def test_charlie_finds_nothing(alice: House) -> None:
    endpoint = webhooks.create_endpoint(alice.organization, URL, alice.actor).endpoint
    client = browser(house("Charlie").owner)
    assert client.get(f"/limits/webhooks/{endpoint.public_id}/").status_code == 404
    assert posts(client, endpoint) == {404}
    assert browser(None).get("/limits/webhooks/")["location"].startswith("/accounts/login/?next=")
    strict = browser(alice.owner, enforce_csrf_checks=True)
    assert strict.post(f"/limits/webhooks/{endpoint.public_id}/remove/").status_code == 403
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
