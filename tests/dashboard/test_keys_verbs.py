"""What the buttons of a key do, without scripts."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def client(alice: House) -> Client:
    return browser(alice.owner)


def test_an_unused_key_is_revoked_with_one_button(alice: House, client: Client) -> None:
    key, _ = alice.key("old-agent")
    assert "It was never used." in client.get(f"/keys/{key.public_id}/revoke/").content.decode()
    page = client.post(f"/keys/{key.public_id}/revoke/", follow=True).content.decode()
    assert "old-agent is revoked." in page
    assert ApiKey.objects.get(pk=key.pk).revoked_at
    assert AuditEntry.objects.get(action="key.revoked").actor == alice.owner
    assert "old-agent" in client.get("/keys/?status=revoked").content.decode()


def test_a_key_in_use_asks_for_its_name_and_says_what_breaks(alice: House, client: Client) -> None:
    key, _ = alice.key("production-web")
    record(*(request_of(key, timezone.now() - timedelta(minutes=n)) for n in range(1, 4)))
    url = f"/keys/{key.public_id}/revoke/"
    asked = client.get(url).content.decode()
    assert "made 3 requests in the last 7 days" in asked
    assert "Disable it instead" in asked
    for typed in ("", "production-we", "Production-web"):
        assert client.post(url, {"name": typed}).status_code == 422
    assert ApiKey.objects.get(pk=key.pk).revoked_at is None
    assert client.post(url, {"name": "production-web"}).status_code == 302
    assert ApiKey.objects.get(pk=key.pk).revoked_at


def test_the_list_shows_use_and_spend_of_this_month(alice: House, client: Client) -> None:
    key, _ = alice.key("production-web")
    alice.key("idle")
    record(request_of(key, timezone.now(), charge=412_080_000))
    rows = {row.key.name: row for row in client.get("/keys/").context["rows"]}
    assert rows["production-web"].spent == 412_080_000
    assert rows["production-web"].last_used
    assert (rows["idle"].spent, rows["idle"].last_used) == (0, None)


def test_disable_and_enable(alice: House, client: Client) -> None:
    key, _ = alice.key()
    assert "is disabled" in client.post(f"/keys/{key.public_id}/disable/", follow=True).content.decode()
    assert ApiKey.objects.get(pk=key.pk).status() == "disabled"
    client.post(f"/keys/{key.public_id}/enable/")
    assert ApiKey.objects.get(pk=key.pk).status() == "active"


def test_rename_and_a_name_that_is_taken(alice: House, client: Client) -> None:
    key, _ = alice.key("one")
    alice.key("two")
    client.post(f"/keys/{key.public_id}/rename/", {"name": "three"})
    page = client.post(f"/keys/{key.public_id}/rename/", {"name": "two"}, follow=True).content.decode()
    assert "already a key named" in page
    assert ApiKey.objects.get(pk=key.pk).name == "three"


def test_restrictions_change_and_errors_stay_at_their_field(alice: House, client: Client) -> None:
    key, _ = alice.key()
    url = f"/keys/{key.public_id}/restrict/"
    good = {"scopes": ["usage"], "allowed_networks": "10.0.0.0/8", "requests_per_minute": "", "expires_on": ""}
    assert client.post(url, good).status_code == 302
    assert ApiKey.objects.get(pk=key.pk).scopes == ["usage"]
    answer = client.post(url, good | {"expires_on": "2001-01-01"})
    assert answer.status_code == 422
    assert "expires_on" in answer.context["form"].errors
    assert AuditEntry.objects.filter(action="key.restricted").count() == 1


def test_saving_the_restrictions_leaves_the_moment_of_expiry(alice: House, client: Client) -> None:
    ends = timezone.now() + timedelta(days=3)
    key, _ = alice.key(expires_at=ends)
    data = {"scopes": ["chat"], "expires_on": f"{ends:%Y-%m-%d}", "allowed_networks": "", "requests_per_minute": ""}
    client.post(f"/keys/{key.public_id}/restrict/", data)
    assert ApiKey.objects.get(pk=key.pk).expires_at == ends


def test_the_list_is_searched_and_filtered(alice: House, client: Client) -> None:
    _, secret = alice.key("production-web")
    alice.key("batch-jobs")
    for query in ("q=production", f"q={secret[-4:]}"):
        page = client.get(f"/keys/?{query}").content.decode()
        assert "production-web" in page
        assert "batch-jobs" not in page
    nothing = client.get("/keys/?q=zebra").content.decode()
    assert "No keys match “zebra”." in nothing
    assert client.get("/keys/").content.decode().count("/revoke/") == 2


def test_the_empty_list_says_what_a_key_is(client: Client) -> None:
    page = client.get("/keys/").content.decode()
    assert "No keys yet" in page
    assert "Create key" in page


def test_the_list_has_pages_in_any_order(alice: House, client: Client) -> None:
    names = [f"{letter}{number}" for number in range(10) for letter in "aBc"]
    for name in names:
        alice.key(name)
    for order, expected in {
        "": names[::-1],
        "oldest": names,
        "name": sorted(names, key=str.lower),
        "-name": sorted(names, key=str.lower, reverse=True),
    }.items():
        seen: list[str] = []
        url = f"?sort={order}"
        for _ in range(3):
            page = client.get(f"/keys/{url}")
            seen += [row.key.name for row in page.context["rows"]]
            url = page.context["part"].following
            if not url:
                break
        assert seen == expected, order
        assert page.context["part"].first and "First page" in page.content.decode()
    page = client.get("/keys/?size=100&sort=name")
    assert len(page.context["rows"]) == 30 and 'aria-sort="ascending"' in page.content.decode()


@pytest.mark.parametrize("hostile", ["after=%00", "after=key_nobody", "size=7", "sort=%27--", "q=%00", "status=x"])
def test_an_address_that_means_nothing_shows_the_first_page(alice: House, client: Client, hostile: str) -> None:
    alice.key("one")
    page = client.get(f"/keys/?{hostile}")
    assert page.status_code == 200 and [row.key.name for row in page.context["rows"]] == ["one"]


def test_the_list_takes_a_fixed_number_of_queries(alice: House, client: Client) -> None:
    alice.key("one")
    # The first visit also keeps when somebody was here.
    client.get("/keys/")
    with CaptureQueriesContext(connection) as few:
        client.get("/keys/")
    for number in range(30):
        alice.key(f"key {number}")
    with CaptureQueriesContext(connection) as many:
        client.get("/keys/")
    assert len(many) == len(few)
