"""Who may use the playground, checked anew on every request; the gateway itself does not run in these tests."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Project, ProjectMembership, User
from accounts.roles import Role
from tests.people import House, house, person

pytestmark = pytest.mark.django_db
TURN = "0123456789abcdef" * 2
ASK = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def alice() -> House:
    return house("Alice")


def ask(user: User | None, project: Project, *, turn: str = TURN, **more: Any) -> Any:
    """Send one request from the playground as this person."""
    client = Client(**more)
    if user:
        client.force_login(user)
    return client.post(
        "/playground/chat/",
        json.dumps(ASK),
        content_type="application/json",
        headers={"x-playground-project": project.public_id, "x-playground-turn": turn},
    )


def page(user: User | None, query: str = "") -> Any:
    client = Client()
    if user:
        client.force_login(user)
    return client.get(f"/playground/{query}")


def error_of(response: Any) -> tuple[int, str]:
    error = response.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return response.status_code, error["code"]


def test_the_owner_gets_as_far_as_the_gateway(alice: House) -> None:
    assert error_of(ask(alice.owner, alice.project)) == (503, "gateway_not_running")
    assert page(alice.owner).status_code == 200


def test_a_developer_of_the_team_gets_as_far_as_the_gateway(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    assert error_of(ask(bob, alice.project)) == (503, "gateway_not_running")
    assert page(bob).status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_a_role_without_the_permission_is_refused(alice: House, role: Role) -> None:
    member = alice.member("Vera", role)
    assert error_of(ask(member, alice.project)) == (403, "role_not_allowed")
    assert page(member).status_code == 403


def test_a_stranger_sees_no_project_of_another_organization(alice: House) -> None:
    charlie = house("Charlie").owner
    assert error_of(ask(charlie, alice.project)) == (404, "project_not_found")
    assert page(charlie, f"?project={alice.project.public_id}").status_code == 404
    assert "Alice" not in page(charlie).content.decode()


def test_somebody_without_an_organization_is_refused(alice: House) -> None:
    assert error_of(ask(person("Dora"), alice.project)) == (404, "project_not_found")


def test_without_a_session_the_answer_is_an_error_and_no_redirect(alice: House) -> None:
    assert error_of(ask(None, alice.project)) == (401, "session_ended")
    assert page(None).status_code == 302


def test_a_removed_member_is_refused_at_once(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    bob.memberships.all().delete()
    assert error_of(ask(bob, alice.project)) == (404, "project_not_found")


def test_a_developer_who_is_assigned_elsewhere_cannot_charge_this_project(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER, works_here=False)
    other = alice.organization.projects.create(name="Other")
    ProjectMembership.objects.create(project=other, user=bob)
    assert error_of(ask(bob, alice.project)) == (404, "project_not_found")
    assert error_of(ask(bob, other)) == (503, "gateway_not_running")


def test_an_archived_project_pays_for_nothing(alice: House) -> None:
    old = alice.organization.projects.create(name="Old storefront", archived_at=timezone.now())
    assert error_of(ask(alice.owner, old)) == (404, "project_not_found")
    assert "Old storefront" not in page(alice.owner).content.decode()


def test_it_waits_for_the_confirmed_address() -> None:
    erin = house("Erin", confirmed=False)
    assert error_of(ask(erin.owner, erin.project)) == (403, "organization_unconfirmed")


def test_a_request_without_the_csrf_mark_is_refused(alice: House) -> None:
    assert ask(alice.owner, alice.project, enforce_csrf_checks=True).status_code == 403


def test_only_post_sends(alice: House) -> None:
    client = Client()
    client.force_login(alice.owner)
    assert client.get("/playground/chat/").status_code == 405


@pytest.mark.parametrize("turn", ["", "short", TURN.upper(), TURN + "0"])
def test_a_turn_must_be_named(alice: House, turn: str) -> None:
    assert error_of(ask(alice.owner, alice.project, turn=turn)) == (400, "invalid_value")


def test_no_answer_of_the_endpoint_is_kept_in_a_cache(alice: House) -> None:
    assert "no-store" in ask(alice.owner, alice.project)["Cache-Control"]


def test_a_receipt_needs_a_session_and_knows_only_own_turns(alice: House) -> None:
    assert Client().get(f"/playground/receipts/{TURN}/").status_code == 401
    client = Client()
    client.force_login(alice.owner)
    found = client.get(f"/playground/receipts/{TURN}/").json()
    assert found["state"] == "unknown"
    other = Client()
    other.force_login(house("Charlie").owner)
    assert other.get(f"/playground/receipts/{TURN}/").json()["request_id"] != found["request_id"]
