"""A secret is in exactly one response; a form that is sent twice does its work once."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry
from foundation.secrets import is_well_formed
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def client(alice: House) -> Client:
    return browser(alice.owner)


def form(alice: House, client: Client, **more: object) -> dict[str, object]:
    """The create form as the page offers it."""
    token = client.get("/keys/create/").context["form"]["token"].value()
    return {
        "name": "production-web",
        "project": alice.project.public_id,
        "owner": "me",
        "expires_in": "90",
        "scopes": ["chat"],
        "token": token,
        **more,
    }


def test_it_shows_a_new_secret_in_one_response_that_nobody_stores(alice: House, client: Client) -> None:
    answer = client.post("/keys/create/", form(alice, client))
    secret = answer.context["secret"]
    key = ApiKey.objects.get(name="production-web")
    assert is_well_formed(secret)
    assert secret in answer.content.decode()
    assert answer["cache-control"] == "no-store"
    assert secret.endswith(key.current_secret().last_four)  # type: ignore[union-attr]
    for path in ("/keys/", f"/keys/{key.public_id}/", "/keys/?status=all"):
        assert secret not in client.get(path).content.decode()
    assert secret not in str(dict(client.session.items()))
    assert not key.secrets.filter(sealed__contains=secret).exists()
    assert secret not in str(list(AuditEntry.objects.values()))


def test_sending_the_form_twice_makes_one_key(alice: House, client: Client) -> None:
    data = form(alice, client)
    secret = client.post("/keys/create/", data).context["secret"]
    again = client.post("/keys/create/", data, follow=True)
    assert ApiKey.objects.filter(name="production-web").count() == 1
    assert "Key created. The secret was shown once." in again.content.decode()
    assert secret not in again.content.decode()


def test_what_was_typed_stays_when_something_is_wrong(alice: House, client: Client) -> None:
    answer = client.post("/keys/create/", form(alice, client, name="", allowed_networks="10.0.0.0/8, nonsense"))
    page = answer.content.decode()
    assert "<title>Error: " in page
    assert "Give the key a name." in page
    assert "10.0.0.0/8, nonsense" in page
    assert not ApiKey.objects.exists()


def test_a_rule_of_the_room_stands_at_its_field(alice: House, client: Client) -> None:
    answer = client.post("/keys/create/", form(alice, client, allowed_networks="nonsense"))
    assert "allowed_networks" in answer.context["form"].errors
    assert not ApiKey.objects.exists()
    alice.key("production-web")
    answer = client.post("/keys/create/", form(alice, client))
    assert "name" in answer.context["form"].errors


def test_restrictions_are_kept(alice: House, client: Client) -> None:
    more = {
        "allowed_models": ["deepseek-chat"],
        "requests_per_minute": "7",
        "allowed_networks": "192.0.2.1\n10.0.0.0/8",
    }
    client.post("/keys/create/", form(alice, client, **more, scopes=["chat", "usage"], owner="project"))
    key = ApiKey.objects.get()
    assert (key.scopes, key.allowed_models, key.requests_per_minute) == (["chat", "usage"], ["deepseek-chat"], 7)
    assert key.allowed_networks == ["192.0.2.1/32", "10.0.0.0/8"]
    assert key.owner is None
    assert key.created_by == alice.owner
    assert timedelta(days=89) < key.expires_at - timezone.now() < timedelta(days=91)  # type: ignore[operator]


def test_unconfirmed_keys_wait(client: Client, alice: House) -> None:
    alice.organization.confirmed_at = None
    alice.organization.save()
    page = client.get("/keys/").content.decode()
    assert "create-key" not in page
    answer = client.post("/keys/create/", form(alice, client))
    assert "Confirm your e-mail address first" in answer.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(("grace", "lives"), [("now", False), ("1h", True), ("24h", True), ("7d", True)])
def test_regenerating_shows_the_new_secret_once(alice: House, client: Client, grace: str, lives: bool) -> None:
    key, old = alice.key()
    url = f"/keys/{key.public_id}/regenerate/"
    token = client.get(url).context["form"]["token"].value()
    answer = client.post(url, {"grace": grace, "token": token})
    assert answer["cache-control"] == "no-store"
    assert answer.context["secret"] != old
    key = ApiKey.objects.get(pk=key.pk)
    assert (key.retiring_secret() is not None) == lives
    again = client.post(url, {"grace": grace, "token": token}, follow=True)
    assert key.secrets.count() == 2
    assert answer.context["secret"] not in again.content.decode()


def test_the_old_secret_can_be_stopped_early(alice: House, client: Client) -> None:
    key, _ = alice.key()
    url = f"/keys/{key.public_id}/"
    token = client.get(f"{url}regenerate/").context["form"]["token"].value()
    client.post(f"{url}regenerate/", {"grace": "7d", "token": token})
    assert "Stop now" in client.get(url).content.decode()
    client.post(f"{url}stop-old/")
    assert ApiKey.objects.get(pk=key.pk).retiring_secret() is None


def test_revealing_needs_leave_and_the_password_and_is_written_down(alice: House, client: Client) -> None:
    key, _ = alice.key("before")
    assert client.get(f"/keys/{key.public_id}/reveal/").status_code == 404
    alice.organization.keys_can_be_revealed = True
    alice.organization.save()
    alice.project.refresh_from_db()
    alice.project.organization.refresh_from_db()
    kept, secret = alice.key("after")
    url = f"/keys/{kept.public_id}/reveal/"
    wrong = client.post(url, {"password": "not it"})
    assert wrong.status_code == 422
    assert secret not in wrong.content.decode()
    (refused,) = AuditEntry.objects.filter(action="key.reveal_refused", object_id=kept.public_id)
    assert (refused.actor, refused.organization) == (alice.owner, alice.organization)
    assert "Secret not shown: wrong password" in client.get(f"/keys/{kept.public_id}/").content.decode()
    shown = client.post(url, {"password": PASSWORD})
    assert shown.context["secret"] == secret
    assert shown["cache-control"] == "no-store"
    assert AuditEntry.objects.filter(action="key.revealed", object_id=kept.public_id, actor=alice.owner).count() == 1


def test_wrong_passwords_are_counted_as_at_log_in(alice: House, client: Client) -> None:
    alice.organization.keys_can_be_revealed = True
    alice.organization.save()
    alice.project.refresh_from_db()
    url = f"/keys/{alice.key('kept')[0].public_id}/reveal/"
    cache.clear()
    for _ in range(5):
        assert "This is not your password." in client.post(url, {"password": "not it"}).content.decode()
    # The right one too has to wait, and so has log-in.
    slowed = client.post(url, {"password": PASSWORD})
    assert slowed.status_code == 422 and "secret" not in slowed.context
    assert "Too many attempts. Try again in 5 minutes or reset your password." in slowed.content.decode()
    answer = Client().post("/accounts/login/", {"login": alice.owner.email, "password": PASSWORD})
    assert "Try again in 5 minutes" in answer.content.decode()
    cache.clear()
    assert client.post(url, {"password": PASSWORD}).status_code == 200
