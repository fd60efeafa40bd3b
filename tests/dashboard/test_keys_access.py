"""Who sees and manages which keys: Alice owns, Bob is in her team, Charlie must see nothing."""

import pytest
from django.test import Client

from accounts import keys
from accounts.actor import Actor
from accounts.models import ApiKey, User
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db
VERBS = ("rename", "restrict", "regenerate", "stop-old", "revoke", "disable", "enable")


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def charlie() -> User:
    return house("Charlie").owner


def statuses(client: Client, key: ApiKey) -> set[int]:
    """What the pages and verbs of a key answer."""
    url = f"/keys/{key.public_id}/"
    answers = {client.post(f"{url}{verb}/", {"name": key.name, "grace": "now"}).status_code for verb in VERBS}
    return answers | {client.get(url).status_code}


def unchanged(key: ApiKey) -> bool:
    now = ApiKey.objects.get(pk=key.pk)
    return now.revoked_at is None and now.disabled_at is None and now.secrets.count() == 1


def test_nobody_is_sent_to_the_log_in(alice: House) -> None:
    key, _ = alice.key()
    for path in ("/keys/", "/keys/create/", f"/keys/{key.public_id}/", f"/keys/{key.public_id}/revoke/"):
        answer = browser(None).get(path)
        assert answer.status_code == 302, path
        assert answer["location"].startswith("/accounts/login/?next=")


def test_charlie_sees_and_changes_nothing(alice: House, charlie: User) -> None:
    key, _ = alice.key("production-web")
    assert statuses(browser(charlie), key) == {404}
    assert unchanged(key)
    listed = browser(charlie).get("/keys/?status=all&q=production").content.decode()
    assert key.public_id not in listed
    assert key.hint not in listed


def test_charlie_creates_nothing_in_alices_project(alice: House, charlie: User) -> None:
    data = {"name": "mine", "project": alice.project.public_id, "owner": "me", "scopes": ["chat"], "token": "t"}
    answer = browser(charlie).post("/keys/create/", data)
    assert "secret" not in answer.context or not answer.context.get("secret")
    assert not ApiKey.objects.filter(project=alice.project).exists()


def test_a_developer_manages_own_keys_and_the_projects(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    own = keys.create(alice.project, "bobs", Actor(bob), owner=bob).api_key
    shared = keys.create(alice.project, "shared", Actor(bob), owner=None).api_key
    alices = keys.create(alice.project, "alices", Actor(alice.owner), owner=alice.owner).api_key
    client = browser(bob)
    assert client.get(f"/keys/{own.public_id}/revoke/").status_code == 200
    assert client.get(f"/keys/{shared.public_id}/revoke/").status_code == 200
    assert client.post(f"/keys/{alices.public_id}/revoke/").status_code == 404
    assert unchanged(alices)


def test_a_viewer_sees_names_without_hints_and_manages_nothing(alice: House) -> None:
    viewer = alice.member("Vera", Role.VIEWER)
    key, _ = alice.key("production-web")
    client = browser(viewer)
    page = client.get("/keys/").content.decode()
    assert "production-web" in page
    assert key.hint not in page
    assert "create-key" not in page
    assert f"{key.public_id}/revoke" not in page
    detail = client.get(f"/keys/{key.public_id}/").content.decode()
    assert key.hint not in detail
    for verb in VERBS:
        assert client.post(f"/keys/{key.public_id}/{verb}/", {"grace": "now"}).status_code in (403, 404), verb
    assert client.get("/keys/create/").status_code == 403
    assert unchanged(key)


def test_billing_gets_the_no_permission_page(alice: House) -> None:
    client = browser(alice.member("Jonas", Role.BILLING))
    answer = client.get("/keys/")
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Ask an owner: Alice." in page
    assert 'href="/keys/"' not in page


@pytest.mark.parametrize("scope", ["management", "ingest"])
def test_only_who_manages_every_key_gives_scopes_that_are_more(alice: House, scope: str) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    data = {
        "name": "robot",
        "project": alice.project.public_id,
        "owner": "me",
        "scopes": [scope],
        "expires_in": "",
        "token": "t",
    }
    assert browser(bob).post("/keys/create/", data).context["form"].errors["scopes"]
    assert not ApiKey.objects.filter(name="robot").exists()
    assert browser(alice.owner).post("/keys/create/", data).context["secret"]


def test_a_verb_needs_the_form_of_the_page(alice: House) -> None:
    key, _ = alice.key()
    strict = browser(alice.owner, enforce_csrf_checks=True)
    answer = strict.post(f"/keys/{key.public_id}/revoke/")
    assert answer.status_code == 403
    assert "This form was open too long" in answer.content.decode()
    assert browser(alice.owner).get(f"/keys/{key.public_id}/disable/").status_code == 405
    assert unchanged(key)
