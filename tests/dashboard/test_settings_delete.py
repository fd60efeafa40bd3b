"""Settings, Data: deleting the account needs the password, the address, and can be undone for a week."""

import pytest
from django.core import mail

from accounts.models import AccountDeletion, Organization
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house

pytestmark = pytest.mark.django_db
URL = "/settings/data/delete/"


@pytest.fixture
def alice() -> House:
    return house("Alice")


def sure(client: object) -> object:
    """The same browser after its password was asked for again."""
    answer = client.get(URL)  # type: ignore[attr-defined]
    if answer.status_code == 302:
        client.post(answer["location"], {"password": PASSWORD})  # type: ignore[attr-defined]
    return client


def test_it_asks_for_the_password_first(alice: House) -> None:
    client = browser(alice.owner)
    answer = client.post(URL, {"email": alice.owner.email})
    assert answer.status_code == 302 and "reauthenticate" in answer["location"]
    assert not AccountDeletion.objects.exists()


def test_it_is_deleted_by_its_address_and_kept_by_one_button(alice: House) -> None:
    client = sure(browser(alice.owner))
    page = client.get(URL).content.decode()  # type: ignore[attr-defined]
    assert "is closed, and all its requests fail with 403" in page and "$20.00 left" in page
    wrong = client.post(URL, {"email": "bob@example.com"})  # type: ignore[attr-defined]
    assert wrong.status_code == 422 and "not your e-mail address" in wrong.content.decode()
    assert client.post(URL, {"email": " Alice@Example.com "}).status_code == 302  # type: ignore[attr-defined]
    assert AccountDeletion.objects.get().user == alice.owner and Organization.objects.get().is_suspended
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.com"] and "/settings/data/" in sent.body
    page = client.get("/").content.decode()  # type: ignore[attr-defined]
    assert "Your account will be deleted" in page and "/settings/data/keep/" in page
    assert "already going to be deleted" in client.get(URL).content.decode()  # type: ignore[attr-defined]
    assert client.get("/settings/data/keep/").status_code == 405  # type: ignore[attr-defined]
    client.post("/settings/data/keep/")  # type: ignore[attr-defined]
    assert not AccountDeletion.objects.exists() and not Organization.objects.get().is_suspended


def test_the_only_owner_learns_what_to_do_first(alice: House) -> None:
    alice.member("Bob", Role.ADMIN)
    client = sure(browser(alice.owner))
    page = client.get(URL).content.decode()  # type: ignore[attr-defined]
    assert "Make someone else an owner first" in page and 'name="email"' not in page
    client.post(URL, {"email": alice.owner.email})  # type: ignore[attr-defined]
    assert not AccountDeletion.objects.exists()
