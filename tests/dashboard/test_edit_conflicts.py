"""Two people edit the same: the second is told who was first and what it is now, keeps their text, and may insist."""

import re

import pytest
from django.test import Client

from accounts import keys, organizations, policies, projects
from accounts.actor import Actor
from accounts.models import ApiKey, Organization
from accounts.roles import Role
from billing import exports, limits, webhooks
from billing.exports import Target
from billing.limits import Terms
from foundation.money import NANO
from tests.dashboard.metered import logged_in as browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def alice() -> House:
    return house()


def version(client: Client, url: str, form: str) -> str:
    """The hidden version in the form that is sent there."""
    return version_in(client.get(url).content.decode(), form)


def version_in(page: str, form: str) -> str:
    found = re.search(r'name="version" value="([^"]+)"', page[page.index(form) :])
    assert found
    return found.group(1)


def refused(client: Client, url: str, sent: dict[str, object]) -> str:
    answer = client.post(url, sent)
    assert answer.status_code == 422
    return answer.content.decode()


def test_the_name_of_a_key(alice: House) -> None:
    bob, key = alice.member("Bob", Role.ADMIN), alice.key("web")[0]
    client, page = browser(alice.owner), f"/keys/{key.public_id}/"
    seen = version(client, page, 'id="name-title"')
    keys.rename(key, "shop", Actor(bob))
    text = refused(client, f"{page}rename/", {"name": "site", "version": seen})
    assert "Bob changed this just now. Your text stays here" in text
    assert "It is “shop” now." in text and 'value="site"' in text
    key.refresh_from_db()
    assert key.name == "shop"
    # Who sends it again has seen it.
    again = version_in(text, 'id="name-title"')
    assert client.post(f"{page}rename/", {"name": "site", "version": again}).status_code == 302
    key.refresh_from_db()
    assert key.name == "site"


def test_what_a_key_may_do(alice: House) -> None:
    key = alice.key("web")[0]
    client, page = browser(alice.owner), f"/keys/{key.public_id}/"
    seen = version(client, page, 'id="restrictions-title"')
    sent = {"scopes": ["chat"], "requests_per_minute": "5", "allowed_networks": "", "version": seen}
    assert client.post(f"{page}restrict/", sent).status_code == 302
    # The same again is no conflict: nothing of anybody would be lost.
    assert client.post(f"{page}restrict/", sent).status_code == 302
    text = refused(client, f"{page}restrict/", sent | {"requests_per_minute": "7"})
    assert "Requests per minute: It is “5” now." in text and 'value="7"' in text
    assert ApiKey.objects.get(pk=key.pk).requests_per_minute == 5


def test_line_ends_are_no_edit(alice: House) -> None:
    key = alice.key("web")[0]
    client, page = browser(alice.owner), f"/keys/{key.public_id}/restrict/"
    sent = {"scopes": ["chat"], "allowed_networks": "10.0.0.0/8\r\n192.0.2.0/24", "version": "old"}
    assert client.post(page, sent | {"version": ""}).status_code == 302
    assert client.post(page, sent).status_code == 302


def test_a_project(alice: House) -> None:
    project = alice.project
    client, page = browser(alice.owner), f"/projects/{project.public_id}/"
    seen = version(client, page, 'id="settings-title"')
    projects.rename(project, "Shop", alice.actor)
    text = refused(client, f"{page}rename/", {"name": "Store", "version": seen})
    assert "It is “Shop” now." in text and 'value="Store"' in text


def test_the_organization_and_who_may_join(alice: House) -> None:
    client, page = browser(alice.owner), "/settings/organization/"
    seen, seen_access = version(client, page, 'id="organization-title"'), version(client, page, 'id="access-title"')
    organizations.change(alice.organization, alice.actor, name="Northwind", time_zone="UTC")
    policies.change(alice.organization, alice.actor, domains=["a.example"], requires_two_factor=False)
    text = refused(client, page, {"name": "Southwind", "time_zone": "Asia/Tokyo", "version": seen})
    assert "It is “Northwind” now." in text and "Time zone: It is “UTC” now." in text
    text = refused(client, f"{page}access/", {"allowed_domains": "b.example", "version": seen_access})
    assert "It is “a.example” now." in text and "b.example" in text
    found = Organization.objects.get(pk=alice.organization.pk)
    assert (found.name, found.time_zone, found.allowed_domains) == ("Northwind", "UTC", ["a.example"])


def test_a_limit(alice: House) -> None:
    limit = limits.set_limit(alice.organization, Terms("usd", 50 * NANO, "month"), alice.actor)
    client, url = browser(alice.owner), f"/limits/{limit.public_id}/change/"
    seen = version(client, url, "<form")
    limits.set_limit(alice.organization, Terms("usd", 60 * NANO, "month"), alice.actor)
    text = refused(client, url, {"amount": "70", "action": "hard", "thresholds": "50, 80, 100", "version": seen})
    assert "changed this just now" in text and "Amount: It is $60.00 now." in text
    assert "When it is reached: It is" not in text


def test_a_webhook_endpoint(alice: House) -> None:
    endpoint = webhooks.create_endpoint(alice.organization, "https://example.com/hooks", alice.actor).endpoint
    client, url = browser(alice.owner), f"/limits/webhooks/{endpoint.public_id}/"
    seen = version(client, url, "<form")
    webhooks.change(endpoint, alice.actor, description="Shop")
    sent = {"url": endpoint.url, "description": "Store", "version": seen}
    assert "Description: It is “Shop” now." in refused(client, url, sent)


def test_a_scheduled_export(alice: House) -> None:
    target = Target("example-books", access_key_id="AKIAEXAMPLE", secret_access_key="secret")
    export = exports.to_bucket(alice.organization, target, alice.actor)
    client, url = browser(alice.owner), f"/settings/exports/{export.public_id}/"
    seen = version(client, url, f'action="{url}"')
    exports.change(export, alice.actor, contents=["ledger"])
    text = refused(client, url, {"contents": ["usage"], "version": seen})
    assert "Contents: It is “Entries of the ledger” now." in text


def test_without_a_version_it_is_not_compared(alice: House) -> None:
    key = alice.key("web")[0]
    assert browser(alice.owner).post(f"/keys/{key.public_id}/rename/", {"name": "site"}).status_code == 302
