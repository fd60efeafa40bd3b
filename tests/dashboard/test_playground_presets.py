"""Presets: who sees them, who may change them, and that nothing typed is overwritten."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import projects
from accounts.models import AuditEntry, Preset, Project, ProjectMembership, User
from accounts.roles import Role
from tests.people import House, house

pytestmark = pytest.mark.django_db
CONTENT = {
    "name": "Careful engineer",
    "description": "Short answers.",
    "model": "deepseek-chat",
    "parameters": {"system": "Answer briefly.", "temperature": 0.5, "stop": ["END"]},
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture
def alice() -> House:
    return house("Alice")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(user: User, path: str, body: Any = None, **more: Any) -> Any:
    client = Client(**more)
    client.force_login(user)
    return client.post(f"/playground/presets/{path}", json.dumps(body or {}), content_type="application/json")


def save(user: User, project: Project, **changes: Any) -> Any:
    return post(user, f"?project={project.public_id}", {**CONTENT, "scope": "me", **changes})


def seen(user: User, project: Project) -> list[str]:
    found = client_of(user).get(f"/playground/presets/?project={project.public_id}").json()
    return [preset["name"] for preset in found["presets"]]


def test_a_private_preset_is_seen_by_its_owner_alone(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    answer = save(bob, alice.project)
    assert answer.status_code == 201
    preset = answer.json()["preset"]
    assert {name: preset[name] for name in CONTENT} == CONTENT
    assert seen(bob, alice.project) == ["Careful engineer"]
    assert seen(alice.owner, alice.project) == []
    assert client_of(alice.owner).get(f"/playground/?preset={preset['id']}").status_code == 404
    assert not AuditEntry.objects.filter(object_type="Preset").exists()


def test_a_projects_preset_is_seen_by_everybody_in_it(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    preset = save(bob, alice.project, scope="project").json()["preset"]
    assert seen(alice.owner, alice.project) == ["Careful engineer"]
    other = alice.organization.projects.create(name="Other")
    assert seen(alice.owner, other) == []
    dave = alice.member("Dave", Role.DEVELOPER, works_here=False)
    ProjectMembership.objects.create(project=other, user=dave)
    assert client_of(dave).get(f"/playground/?preset={preset['id']}").status_code == 404
    assert client_of(dave).get(f"/playground/presets/?project={alice.project.public_id}").status_code == 404
    assert AuditEntry.objects.get(object_type="Preset").action == "preset.created"


def test_a_link_opens_the_project_of_its_preset(alice: House) -> None:
    other = alice.organization.projects.create(name="Another")
    preset = save(alice.owner, other, scope="project").json()["preset"]
    text = client_of(alice.owner).get(f"/playground/?preset={preset['id']}").content.decode()
    assert "<strong>Another</strong>" in text
    assert f'data-preset="{preset["id"]}"' in text


@pytest.mark.parametrize("scope", ["me", "project"])
def test_another_organization_finds_nothing(alice: House, scope: str) -> None:
    preset = save(alice.owner, alice.project, scope=scope).json()["preset"]
    charlie = house("Charlie").owner
    body = {**CONTENT, "version": 1}
    assert client_of(charlie).get(f"/playground/?preset={preset['id']}").status_code == 404
    assert client_of(charlie).get(f"/playground/presets/?project={alice.project.public_id}").status_code == 404
    assert save(charlie, alice.project).status_code == 404
    for path in ("", "delete/", "restore/"):
        assert post(charlie, f"{preset['id']}/{path}", body).status_code == 404
    assert Preset.objects.get().deleted_at is None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_a_role_without_the_playground_saves_nothing(alice: House, role: Role) -> None:
    vera = alice.member("Vera", role)
    preset = save(alice.owner, alice.project, scope="project").json()["preset"]
    assert save(vera, alice.project, scope="project").status_code == 403
    for path in ("", "delete/", "restore/"):
        assert post(vera, f"{preset['id']}/{path}", {**CONTENT, "version": 1}).status_code == 403
    assert client_of(vera).get(f"/playground/presets/?project={alice.project.public_id}").status_code == 403
    assert Preset.objects.count() == 1


def test_a_developer_cannot_change_what_another_made(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    of_alice = save(alice.owner, alice.project, scope="project").json()["preset"]
    of_bob = save(bob, alice.project, scope="project", name="Bob's").json()["preset"]
    shown = client_of(bob).get(f"/playground/presets/?project={alice.project.public_id}").json()["presets"]
    assert {preset["name"]: preset["may_change"] for preset in shown} == {"Careful engineer": False, "Bob's": True}
    assert post(bob, f"{of_alice['id']}/", {**CONTENT, "version": 1}).status_code == 404
    assert post(bob, f"{of_alice['id']}/delete/").status_code == 404
    # Whoever manages projects may.
    assert post(alice.owner, f"{of_bob['id']}/delete/").status_code == 200


def test_every_change_needs_the_csrf_mark(alice: House) -> None:
    preset = save(alice.owner, alice.project).json()["preset"]
    for path in (f"?project={alice.project.public_id}", f"{preset['id']}/", f"{preset['id']}/delete/"):
        assert post(alice.owner, path, CONTENT, enforce_csrf_checks=True).status_code == 403


def test_an_update_raises_the_version_and_a_stale_one_changes_nothing(alice: House) -> None:
    preset = save(alice.owner, alice.project).json()["preset"]
    changed = {**CONTENT, "parameters": {"temperature": 0.2}, "version": 1}
    assert post(alice.owner, f"{preset['id']}/", changed).json()["preset"]["version"] == 2
    late = post(alice.owner, f"{preset['id']}/", {**CONTENT, "version": 1})
    assert late.status_code == 409
    assert late.json()["now"]["parameters"] == {"temperature": 0.2}
    assert Preset.objects.get().parameters == {"temperature": 0.2}


def test_a_deleted_one_can_be_brought_back_for_a_day(alice: House) -> None:
    preset = save(alice.owner, alice.project).json()["preset"]
    assert post(alice.owner, f"{preset['id']}/delete/").status_code == 200
    assert seen(alice.owner, alice.project) == []
    assert post(alice.owner, f"{preset['id']}/restore/").status_code == 200
    assert seen(alice.owner, alice.project) == ["Careful engineer"]
    post(alice.owner, f"{preset['id']}/delete/")
    Preset.objects.update(deleted_at=timezone.now() - timedelta(days=2))
    other = save(alice.owner, alice.project, name="Other").json()["preset"]
    post(alice.owner, f"{other['id']}/delete/")
    assert list(Preset.objects.values_list("name", flat=True)) == ["Other"]


def test_a_deleted_project_takes_its_presets_along_and_leaves_own_ones(alice: House) -> None:
    other = alice.organization.projects.create(name="Other")
    save(alice.owner, other, scope="project")
    save(alice.owner, other, name="Mine")
    projects.delete(projects.archive(other, alice.actor), alice.actor)
    assert seen(alice.owner, alice.project) == ["Mine"]
    assert Preset.objects.count() == 1


def test_a_name_is_taken_once_and_free_again_after_deletion(alice: House) -> None:
    preset = save(alice.owner, alice.project).json()["preset"]
    again = save(alice.owner, alice.project)
    assert again.status_code == 400
    assert again.json()["errors"]["name"] == [
        "There is already a preset named “Careful engineer”. Choose another name."
    ]
    assert save(alice.owner, alice.project, scope="project").status_code == 201
    post(alice.owner, f"{preset['id']}/delete/")
    assert save(alice.owner, alice.project).status_code == 201
    assert post(alice.owner, f"{preset['id']}/restore/").status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"name": "x" * 65},
        {"description": "x" * 301},
        {"model": ""},
        {"parameters": {"unknown": 1}},
        {"parameters": []},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": 1}]},
        {"messages": "x"},
        {"messages": [{"role": "user", "content": "x" * 70_000}]},
        {"name": "a\u0000b"},
    ],
)
def test_what_is_no_preset_is_refused_with_words(alice: House, changes: dict[str, Any]) -> None:
    answer = save(alice.owner, alice.project, **changes)
    assert answer.status_code == 400
    assert all(answer.json()["errors"].values())
    assert not Preset.objects.exists()


def test_what_is_no_json_is_refused(alice: House) -> None:
    client = client_of(alice.owner)
    path = f"/playground/presets/?project={alice.project.public_id}"
    for body in ("{", "[]", "1"):
        assert client.post(path, body, content_type="application/json").status_code == 400
