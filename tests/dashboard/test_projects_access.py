"""Who sees and changes which project: Alice owns, Bob is in her team, Charlie must see nothing."""

import pytest
from django.test import Client

from accounts.models import Project
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


def posts(client: Client, project: Project, user_id: str) -> set[int]:
    """What every verb of a project answers."""
    url = f"/projects/{project.public_id}/"
    verbs = ("rename/", "archive/", "restore/", "members/add/", f"members/{user_id}/remove/")
    return {client.post(f"{url}{verb}", {"name": "Mine", "member": user_id}).status_code for verb in verbs}


def unchanged(project: Project) -> bool:
    now = Project.objects.get(pk=project.pk)
    return (now.name, now.archived_at, now.memberships.count()) == (project.name, None, 1)


def test_charlie_finds_nothing_and_changes_nothing(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    client = browser(house("Charlie").owner)
    assert client.get(f"/projects/{alice.project.public_id}/").status_code == 404
    assert client.get(f"/projects/{alice.project.public_id}/members/{bob.public_id}/remove/").status_code == 404
    assert posts(client, alice.project, bob.public_id) == {404}
    assert alice.project.public_id not in client.get("/projects/").content.decode()
    assert unchanged(alice.project)


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_other_roles_look_and_change_nothing(alice: House, role: Role) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    client = browser(bob if role == Role.DEVELOPER else alice.member("Eve", role))
    page = client.get(f"/projects/{alice.project.public_id}/")
    assert page.status_code == 200
    for control in ("rename/", "archive/", "members/add/", "/remove/"):
        assert control not in page.content.decode(), control
    assert "create-project" not in client.get("/projects/").content.decode()
    assert posts(client, alice.project, bob.public_id) == {403}
    assert client.get("/projects/create/").status_code == 403
    assert client.post("/projects/create/", {"name": "Mine"}).status_code == 403
    assert unchanged(alice.project)


def test_a_viewer_sees_no_money(alice: House) -> None:
    client = browser(alice.member("Vera", Role.VIEWER))
    assert "Spend" not in client.get("/projects/").content.decode()
    assert "Spend" not in client.get(f"/projects/{alice.project.public_id}/").content.decode()


def test_a_developer_sees_only_the_own_projects(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    other = Project.objects.create(organization=alice.organization, name="Secret plans")
    assert "Secret plans" not in browser(bob).get("/projects/").content.decode()
    assert browser(bob).get(f"/projects/{other.public_id}/").status_code == 404


def test_nobody_is_sent_to_the_log_in(alice: House) -> None:
    for path in ("/projects/", "/projects/create/", f"/projects/{alice.project.public_id}/"):
        assert browser(None).get(path)["location"].startswith("/accounts/login/?next=")


def test_verbs_need_post_and_the_form_of_the_page(alice: House) -> None:
    url = f"/projects/{alice.project.public_id}/archive/"
    assert browser(alice.owner).get(url).status_code == 405
    assert browser(alice.owner, enforce_csrf_checks=True).post(url).status_code == 403
    assert Project.objects.get().archived_at is None
