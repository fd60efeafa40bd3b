"""Who sees what on the Usage page: Alice owns, Bob is in her team, Charlie must see nothing."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.roles import Role
from tests.dashboard.metered import chart, logged_in, record, request_of, rows
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice():
    """Two projects: one request of 5 dollars in Default, two of 7 dollars in Secret."""
    made = house("Alice")
    made.secret = made.organization.projects.create(name="Secret")
    made.open_key = made.key("open-key")[0]
    made.secret_key = keys.create(made.secret, "secret-key", made.actor).api_key
    at = timezone.now() - timedelta(minutes=20)
    record(
        request_of(made.open_key, at, charge=5_000_000_000),
        request_of(made.secret_key, at, charge=7_000_000_000, model="secret-model"),
        request_of(keys.playground_key(made.secret), at, charge=7_000_000_000),
    )
    return made


def test_strangers_are_sent_to_log_in():
    for path in ("/usage/", "/usage/export.csv", "/"):
        response = Client().get(path)
        assert response.status_code == 302 and "/accounts/login/" in response["Location"]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.BILLING])
def test_bob_sees_everything_with_cost(alice, role):
    client = logged_in(alice.member("Bob", role))
    assert client.get("/usage/").context["report"].total.charge == 19_000_000_000
    assert len(rows(client)) == 3


def test_a_viewer_sees_tokens_and_no_money(alice):
    client = logged_in(alice.member("Bob", Role.VIEWER))
    for query in ("", "?metric=cost", "?by=key", "?by=day&metric=requests"):
        page = client.get(f"/usage/{query}")
        text = page.content.decode()
        assert page.context["report"].total.requests == 3
        assert "$" not in text.split("<main")[1] and "Cost" not in text and "spend" not in text.lower()
        assert chart(text)["metric"] != "cost"
    assert not {"cost", "currency"} & set(rows(client)[0])


def test_a_developer_sees_own_projects_only(alice):
    bob = alice.member("Bob", Role.DEVELOPER)
    client = logged_in(bob)
    for by in ("model", "key", "project", "day"):
        page = client.get(f"/usage/?by={by}")
        assert page.context["report"].total.charge == 5_000_000_000
        text = page.content.decode()
        assert "secret" not in text.lower()
    assert [line["api_key"] for line in rows(client)] == ["open-key"]
    for query in (f"?project={alice.secret.public_id}", f"?key={alice.secret_key.public_id}"):
        assert client.get(f"/usage/{query}").status_code == 404
        assert client.get(f"/usage/export.csv{query}").status_code == 404
    # A model's name is no secret; what others used of it is.
    assert client.get("/usage/?model=secret-model").context["report"].total.requests == 0
    overview = client.get("/").content.decode().lower()
    assert "open-key" in overview and "secret" not in overview.replace("secret-s", "")


def test_a_developer_sees_the_project_of_an_own_key(alice):
    bob = alice.member("Bob", Role.DEVELOPER)
    keys.create(alice.secret, "bobs", alice.actor, owner=bob)
    assert logged_in(bob).get("/usage/").context["report"].total.charge == 19_000_000_000


def test_a_developer_without_a_project_sees_nothing(alice):
    client = logged_in(alice.member("Bob", Role.DEVELOPER, works_here=False))
    assert client.get("/usage/").context["report"].total.requests == 0
    assert rows(client) == []


def test_charlie_sees_nothing_of_alice(alice):
    charlie = house("Charlie")
    client = logged_in(charlie.owner)
    page = client.get("/usage/")
    assert page.context["report"].total.requests == 0
    for text in (page.content.decode(), client.get("/").content.decode()):
        assert "open-key" not in text and "secret-key" not in text and "Alice" not in text
    assert rows(client) == []
    for query in (
        f"?project={alice.project.public_id}",
        f"?key={alice.open_key.public_id}",
        f"?project={charlie.project.public_id}&key={alice.open_key.public_id}",
        "?project=proj_none",
        "?key=%00",
        "?model=%00",
        "?model=" + "x" * 101,
    ):
        for path in ("/usage/", "/usage/export.csv"):
            response = client.get(path + query)
            assert response.status_code == 404
            assert "open-key" not in response.content.decode()


def test_pages_only_read(alice):
    client = logged_in(alice.owner)
    for path in ("/usage/", "/usage/export.csv", "/"):
        assert client.post(path).status_code == 405
