"""Projects: what the pages show, and what the buttons do, without scripts."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import keys, projects
from accounts.actor import Actor
from accounts.models import AuditEntry, Project, ProjectMembership
from accounts.roles import Role
from billing import limits
from billing.limits import Terms
from billing.models import SpendingLimit
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice() -> House:
    return house("Alice")


def audited(project: Project) -> list[str]:
    found = AuditEntry.objects.filter(object_id=project.public_id).order_by("pk")
    return list(found.values_list("action", flat=True))


def test_the_list_counts_keys_developers_and_this_months_spend(alice: House) -> None:
    key, _ = alice.key("web")
    alice.member("Bob", Role.DEVELOPER)
    record(request_of(key, timezone.now(), charge=1_500_000_000))
    rows = browser(alice.owner).get("/projects/").context["rows"]
    assert [(row.keys, row.members, row.spent, row.spent_text) for row in rows] == [(1, 1, 1_500_000_000, "1.50")]


def test_the_list_takes_a_fixed_number_of_queries(alice: House, django_assert_max_num_queries: object) -> None:
    for number in range(10):
        project = Project.objects.create(organization=alice.organization, name=f"Project {number}")
        keys.create(project, "key", alice.actor)
    client = browser(alice.owner)
    client.get("/projects/")
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        client.get("/projects/")


def test_a_project_is_created_once_however_often_it_is_sent(alice: House) -> None:
    client = browser(alice.owner)
    answer = client.post("/projects/create/", {"name": "  Store \n front "})
    made = Project.objects.get(name="Store front")
    assert answer["location"] == f"/projects/{made.public_id}/"
    assert audited(made) == ["project.created"]
    again = client.post("/projects/create/", {"name": "Store front"})
    page = again.content.decode()
    assert again.status_code == 422
    assert "<title>Error: " in page
    assert "There is already a project named “Store front”." in page
    assert 'value="Store front"' in page
    assert Project.objects.filter(name="Store front").count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 65])
def test_a_wrong_name_is_refused_and_kept(alice: House, name: str) -> None:
    answer = browser(alice.owner).post("/projects/create/", {"name": name})
    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]
    assert Project.objects.count() == 1


def test_a_hostile_name_is_text_everywhere(alice: House) -> None:
    client = browser(alice.owner)
    client.post("/projects/create/", {"name": "<script>alert(1)</script>"})
    made = Project.objects.get(name__startswith="<script>")
    for path in ("/projects/", f"/projects/{made.public_id}/"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_renaming_keeps_the_typed_name_when_it_is_taken(alice: House) -> None:
    other = Project.objects.create(organization=alice.organization, name="Search")
    client = browser(alice.owner)
    answer = client.post(f"/projects/{other.public_id}/rename/", {"name": "Default"})
    assert answer.status_code == 422
    assert 'value="Default"' in answer.content.decode()
    client.post(f"/projects/{other.public_id}/rename/", {"name": "Find"})
    other.refresh_from_db()
    assert other.name == "Find"
    assert audited(other) == ["project.renamed"]
    assert "Renamed: Search → Find" in client.get(f"/projects/{other.public_id}/").content.decode()


def test_archiving_is_undone_from_the_page(alice: House) -> None:
    alice.key("web")
    client = browser(alice.owner)
    url = f"/projects/{alice.project.public_id}/"
    page = client.post(f"{url}archive/", follow=True).content.decode()
    assert "Requests with its keys fail with 401 from now on." in page
    assert "Undo: restore the project" in page
    assert Project.objects.get().archived_at
    client.post(f"{url}archive/")
    client.post(f"{url}restore/")
    assert Project.objects.get().archived_at is None
    assert audited(alice.project) == ["project.archived", "project.restored"]
    assert "Undo" not in client.get(url).content.decode()


def test_a_developer_is_added_and_removed_with_their_own_keys(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER, works_here=False)
    url = f"/projects/{alice.project.public_id}/"
    client = browser(alice.owner)
    assert browser(bob).get(url).status_code == 404
    client.post(f"{url}members/add/", {"member": bob.public_id})
    assert browser(bob).get(url).status_code == 200
    own = keys.create(alice.project, "bobs", Actor(bob), owner=bob).api_key
    shared = keys.create(alice.project, "shared", Actor(bob)).api_key
    asked = client.get(f"{url}members/{bob.public_id}/remove/").content.decode()
    assert "The 1 key of their own in this project is revoked" in asked
    client.post(f"{url}members/{bob.public_id}/remove/")
    own.refresh_from_db()
    shared.refresh_from_db()
    assert (own.status(), shared.status()) == ("revoked", "active")
    assert browser(bob).get(url).status_code == 404
    assert not ProjectMembership.objects.exists()
    assert audited(alice.project) == ["project.member_added", "project.member_removed"]


def test_only_members_of_the_organization_can_be_added(alice: House) -> None:
    charlie = house("Charlie").owner
    client = browser(alice.owner)
    answer = client.post(f"/projects/{alice.project.public_id}/members/add/", {"member": charlie.public_id})
    assert answer.status_code == 422
    assert "no longer in the organization" in answer.content.decode()
    assert not ProjectMembership.objects.exists()


def test_who_is_in_no_project_learns_whom_to_ask(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER, works_here=False)
    page = browser(bob).get("/projects/").content.decode()
    assert "You are in no project yet" in page
    assert "create-project" not in page


def test_an_archived_project_is_deleted_by_its_name(alice: House) -> None:
    key, _ = alice.key("worker")
    limits.set_limit(alice.project, Terms("requests", 10, "month"))
    limits.set_limit(key, Terms("requests", 10, "month"))
    client = browser(alice.owner)
    url = f"/projects/{alice.project.public_id}/"
    # Only what is stopped already can be deleted.
    assert client.post(f"{url}delete/", {"name": alice.project.name}).status_code == 302
    assert Project.objects.get().deleted_at is None
    client.post(f"{url}archive/")
    assert f"{url}delete/" in client.get(url).content.decode()
    page = client.post(f"{url}delete/", {"name": "other"})
    assert page.status_code == 422 and "not the project’s name" in page.content.decode()
    assert client.post(f"{url}delete/", {"name": alice.project.name}).status_code == 302
    project = Project.objects.get()
    key.refresh_from_db()
    assert project.deleted_at and key.revoked_at
    assert not SpendingLimit.objects.filter(removed_at=None).exists()
    assert audited(project)[-1] == "project.deleted"
    # It is nowhere any more, and its name is free.
    for path in (url, f"{url}delete/"):
        assert client.get(path).status_code == 404
    assert client.post(f"{url}restore/").status_code == 404
    assert alice.project.public_id not in client.get("/projects/").content.decode()
    assert projects.create(alice.organization, project.name, alice.actor).name == project.name


def test_who_does_not_manage_projects_cannot_delete_one(alice: House) -> None:
    projects.archive(alice.project, alice.actor)
    url = f"/projects/{alice.project.public_id}/delete/"
    for role in (Role.DEVELOPER, Role.BILLING, Role.VIEWER):
        client = browser(alice.member(role.value.title(), role))
        assert client.post(url, {"name": alice.project.name}).status_code == 403
    stranger = browser(house("Charlie").owner)
    assert stranger.post(url, {"name": alice.project.name}).status_code == 404
    assert Project.objects.get(pk=alice.project.pk).deleted_at is None


def test_a_deleted_project_stays_deleted(alice: House) -> None:
    with pytest.raises(ValidationError, match="Archive the project first"):
        projects.delete(alice.project, alice.actor)
    projects.archive(alice.project, alice.actor)
    projects.delete(alice.project, alice.actor)
    first = Project.objects.get().deleted_at
    projects.delete(alice.project, alice.actor)
    assert Project.objects.get().deleted_at == first
    with pytest.raises(ValidationError, match="cannot be undone"):
        projects.restore(alice.project, alice.actor)
