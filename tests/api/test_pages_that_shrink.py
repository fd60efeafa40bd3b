"""Who takes away what a page listed goes on from there: nothing twice, nothing missed, no fault."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Invitation
from accounts.roles import Role
from billing import limits, webhooks
from billing.limits import Terms
from tests.api.client import Door
from tests.people import House

pytestmark = pytest.mark.django_db


def emptied(admin: Door, path: str, take_away: Callable[[str], Any], *, of: str = "id") -> list[str]:
    """The ids of everything listed, page by page, each taken away before the next page is asked for."""
    seen: list[str] = []
    cursor, sign = "", "&" if "?" in path else "?"
    while True:
        page = admin.get(f"{path}{sign}limit=2{cursor}")
        assert page.status_code == 200, page.content
        ids = [one[of] for one in page.json()["data"]]
        seen += ids
        for name in ids:
            assert take_away(name).status_code == 200
        if not page.json()["has_more"]:
            return seen
        cursor = f"&cursor={page.json()['next_cursor']}"


def deleted(admin: Door, path: str) -> list[str]:
    return emptied(admin, path, lambda name: admin.send("DELETE", f"{path}/{name}"))


def test_active_keys_are_revoked_page_by_page(alice: House, admin: Door) -> None:
    names = [alice.key(f"key {number}")[0].public_id for number in range(5)]
    own = admin.get("v1/keys?limit=100").json()["data"][-1]["id"]

    def revoke(name: str) -> Any:
        return admin.get(f"v1/keys/{name}") if name == own else admin.post(f"v1/keys/{name}/revoke")

    assert emptied(admin, "v1/keys?status=active", revoke) == [*reversed(names), own]
    assert [one["id"] for one in admin.get("v1/keys?status=active").json()["data"]] == [own]


def test_limits_endpoints_and_invitations_are_removed_page_by_page(alice: House, admin: Door) -> None:
    set_limits = [
        limits.set_limit(alice.key(f"key {number}")[0], Terms("requests", 5, "day"), alice.actor).public_id
        for number in range(5)
    ]
    assert deleted(admin, "v1/limits") == set_limits[::-1]
    made = [
        webhooks.create_endpoint(alice.organization, f"https://example.com/{number}", alice.actor).endpoint.public_id
        for number in range(5)
    ]
    assert deleted(admin, "v1/webhooks") == made[::-1]
    for number in range(5):
        assert admin.post("v1/invitations", {"email": f"{number}@example.com", "role": "viewer"}).status_code == 201
    sent = list(Invitation.objects.order_by("-pk").values_list("public_id", flat=True))
    assert deleted(admin, "v1/invitations") == sent


def test_projects_and_members_go_page_by_page(alice: House, admin: Door) -> None:
    for number in range(4):
        assert admin.post("v1/projects", {"name": f"p{number}"}).status_code == 201
        alice.member(f"Bob{number}", Role.VIEWER)

    def archive(name: str) -> Any:
        is_ours = name == alice.project.public_id
        return admin.get(f"v1/projects/{name}") if is_ours else admin.post(f"v1/projects/{name}/archive")

    assert len(emptied(admin, "v1/projects?status=active", archive)) == 5

    def delete(name: str) -> Any:
        path = f"v1/projects/{name}"
        return admin.get(path) if name == alice.project.public_id else admin.send("DELETE", path)

    assert len(emptied(admin, "v1/projects", delete)) == 5

    def remove(name: str) -> Any:
        is_owner = name == alice.owner.public_id
        return admin.get("v1/members") if is_owner else admin.send("DELETE", f"v1/members/{name}")

    assert len(emptied(admin, "v1/members", remove, of="user_id")) == 5


@pytest.mark.parametrize("path", ["organization/admin_api_keys", "organization/projects/{}/api_keys"])
def test_openais_clients_delete_while_they_page(alice: House, admin: Door, path: str) -> None:
    scopes = ("management",) if "admin" in path else ("chat",)
    names = [alice.key(f"key {number}", scopes=scopes)[0].public_id for number in range(5)]
    path, seen, after = f"/v1/{path.format(alice.project.public_id)}", [], ""
    headers = {"authorization": f"Bearer {admin.secret}"}
    while True:
        answer = admin.client.get(f"{path}?limit=2{after}", headers=headers)
        assert answer.status_code == 200, answer.content
        for one in answer.json()["data"]:
            seen.append(one["id"])
            if one["id"] in names:
                assert admin.client.delete(f"{path}/{one['id']}", headers=headers).status_code == 200
        if not answer.json()["has_more"]:
            break
        after = f"&after={answer.json()['last_id']}"
    assert [name for name in seen if name in names] == names
