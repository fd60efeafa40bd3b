"""OpenAI's organization API with OpenAI's own client, against the whole server; and what it keeps from others."""

import re
from typing import Any

import httpx
import pytest
from django.urls.resolvers import RoutePattern
from openai import BadRequestError, NotFoundError, OpenAI, PermissionDeniedError

from accounts import keys
from accounts.models import ApiKey, Invitation, Membership, Project
from accounts.roles import Role
from api.openai_urls import urlpatterns
from tests.people import house

pytestmark = pytest.mark.django_db


class OnDjango(httpx.BaseTransport):
    """What the official client sends reaches Django's views."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        answer = self.client.generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=headers.get("content-type", "application/json"),
            headers=headers,
        )
        return httpx.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)


@pytest.fixture
def official(client):
    def open_with(secret):
        http = httpx.Client(transport=OnDjango(client), base_url="http://testserver/v1")
        made = OpenAI(admin_api_key=secret, base_url="http://testserver/v1", http_client=http, max_retries=0)
        return made.admin.organization

    return open_with


@pytest.fixture
def organization(alice, official):
    return official(alice.key("admin", scopes=("management",))[1])


def test_admin_keys_come_and_go(alice, organization, official):
    made = organization.admin_api_keys.create(name="second", expires_in_seconds=3600)
    assert made.object == "organization.admin_api_key" and made.value.startswith("sk-")
    assert made.expires_at == made.created_at + 3600
    assert made.redacted_value.endswith(made.value[-4:]) and made.owner.type == "service_account"
    assert official(made.value).admin_api_keys.retrieve(made.id).name == "second"
    assert [key.name for key in organization.admin_api_keys.list()] == ["admin", "second"]
    assert [key.name for key in organization.admin_api_keys.list(order="desc", limit=1)] == ["second", "admin"]
    assert organization.admin_api_keys.delete(made.id).deleted is True
    with pytest.raises(NotFoundError):
        organization.admin_api_keys.retrieve(made.id)
    assert [key.name for key in organization.admin_api_keys.list()] == ["admin"]


def test_projects_are_created_renamed_and_archived(alice, organization):
    made = organization.projects.create(name="Storefront")
    assert (made.object, made.status, made.archived_at) == ("organization.project", "active", None)
    assert organization.projects.update(made.id, name="Shop").name == "Shop"
    assert organization.projects.retrieve(made.id).name == "Shop"
    assert [one.id for one in organization.projects.list(limit=1)] == [alice.project.public_id, made.id]
    assert organization.projects.archive(made.id).status == "archived"
    assert [one.id for one in organization.projects.list()] == [alice.project.public_id]
    assert [one.id for one in organization.projects.list(include_archived=True)][1:] == [made.id]


def test_keys_of_a_project_are_listed_and_revoked(alice, organization):
    of_project, _ = alice.key("web")
    hers = keys.create(alice.project, "hers", alice.actor, owner=alice.owner).api_key
    listed = list(organization.projects.api_keys.list(alice.project.public_id, limit=1))
    assert [key.id for key in listed] == [of_project.public_id, hers.public_id]
    assert [key.owner.type for key in listed] == ["service_account", "user"]
    assert listed[1].owner.user.email == "alice@example.com" and listed[1].owner_project_access == "active"
    one = organization.projects.api_keys.retrieve(hers.public_id, project_id=alice.project.public_id)
    assert one.redacted_value == hers.hint
    gone = organization.projects.api_keys.delete(hers.public_id, project_id=alice.project.public_id)
    assert gone.object == "organization.project.api_key.deleted"
    hers.refresh_from_db()
    assert hers.revoked_at is not None


def test_users_have_a_role_and_can_be_removed(alice, organization):
    bob = alice.member("Bob", Role.DEVELOPER)
    assert [(one.email, one.role) for one in organization.users.list()] == [
        ("alice@example.com", "owner"),
        ("bob@example.com", "reader"),
    ]
    assert organization.users.update(bob.public_id, role="reader").role == "reader"
    assert Membership.objects.get(user=bob).role == Role.DEVELOPER
    assert organization.users.update(bob.public_id, role="owner").role == "owner"
    assert Membership.objects.get(user=bob).role == Role.ADMIN
    assert organization.users.retrieve(bob.public_id).name == "Bob"
    with pytest.raises(PermissionDeniedError):
        organization.users.delete(alice.owner.public_id)
    assert organization.users.delete(bob.public_id).deleted
    assert [one.email for one in organization.users.list(emails=["bob@example.com"])] == []


def test_invites_are_sent_and_taken_back(alice, organization):
    sent = organization.invites.create(
        email="tom@example.com", role="reader", projects=[{"id": alice.project.public_id, "role": "member"}]
    )
    assert (sent.object, sent.status, sent.role) == ("organization.invite", "pending", "reader")
    assert Invitation.objects.get().role == Role.DEVELOPER
    assert [one.email for one in organization.invites.list()] == ["tom@example.com"]
    assert organization.invites.retrieve(sent.id).projects[0].id == alice.project.public_id
    assert organization.invites.delete(sent.id).deleted
    assert not Invitation.objects.exists()


def test_paging_names_first_and_last(alice, client):
    secret = alice.key("admin", scopes=("management",))[1]
    page = client.get("/v1/organization/projects?limit=1", headers={"authorization": f"Bearer {secret}"}).json()
    assert list(page) == ["object", "data", "first_id", "last_id", "has_more"]
    assert page["first_id"] == page["last_id"] == alice.project.public_id and page["has_more"] is False
    empty = client.get("/v1/organization/invites", headers={"authorization": f"Bearer {secret}"}).json()
    assert (empty["data"], empty["first_id"], empty["last_id"]) == ([], None, None)


@pytest.mark.parametrize("path", ["users", "projects", "admin_api_keys", "invites", "projects/{project}/api_keys"])
def test_an_id_that_is_no_text_is_not_there(alice, client, path):
    secret = alice.key("admin", scopes=("management",))[1]
    path = path.format(project=alice.project.public_id)
    answer = client.get(f"/v1/organization/{path}/a%00b", headers={"authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_owner_can_be_looked_at_without_the_body(alice, client):
    secret = alice.key("admin", scopes=("management",))[1]
    path = f"/v1/organization/users/{alice.owner.public_id}"
    assert client.head(path, headers={"authorization": f"Bearer {secret}"}).status_code == 200


def test_only_keys_that_manage_may(alice, official):
    for scope in ("chat", "usage"):
        other = official(alice.key(f"of {scope}", scopes=(scope,))[1])
        with pytest.raises(PermissionDeniedError) as refused:
            other.projects.list()
        assert refused.value.code == "insufficient_permissions"
        with pytest.raises(PermissionDeniedError):
            other.admin_api_keys.create(name="x")
    assert ApiKey.objects.filter(name="x").count() == 0


def routes(alice):
    """Every route with each of its methods, about what is Alice's."""
    ids = {
        "key_id": alice.key("web")[0].public_id,
        "project_id": alice.project.public_id,
        "user_id": alice.owner.public_id,
        "invitation_id": "inv_nothing",
    }
    for one in urlpatterns:
        if isinstance(one.pattern, RoutePattern):
            path = re.sub("<str:(.*?)>", lambda name: ids[name[1]], str(one.pattern))
            view = one.callback.view_class
            yield from ((name, path) for name in ("get", "post", "delete") if hasattr(view, name))


def test_no_route_is_open_to_anybody_else(alice, client):
    stranger = house("Charlie").key("admin", scopes=("management",))[1]
    limited = [alice.key(f"of {scope}", scopes=(scope,))[1] for scope in ("chat", "usage", "ingest")]
    every = list(routes(alice))
    assert len(every) >= 20
    for method, path in every:
        expected = [
            (None, 401),
            *((secret, 403) for secret in limited),
            *([(stranger, 404)] if "/" in path else []),
        ]
        for secret, status in expected:
            headers = {"authorization": f"Bearer {secret}"} if secret else {}
            answer = getattr(client, method)(f"/v1/organization/{path}", headers=headers)
            assert answer.status_code == status, (method, path, status, answer.content)
    # A session of the console is no key of a script.
    client.force_login(alice.owner, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/v1/organization/projects").status_code == 401


def test_charlie_finds_nothing_of_alice(alice, official):
    charlie = house("Charlie")
    stranger = official(charlie.key("admin", scopes=("management",))[1])
    key, _ = alice.key("web")
    manages, _ = alice.key("admin", scopes=("management",))
    for attempt in (
        lambda: stranger.projects.retrieve(alice.project.public_id),
        lambda: stranger.projects.update(alice.project.public_id, name="x"),
        lambda: stranger.projects.archive(alice.project.public_id),
        lambda: stranger.projects.api_keys.list(alice.project.public_id),
        lambda: stranger.projects.api_keys.delete(key.public_id, project_id=alice.project.public_id),
        lambda: stranger.projects.api_keys.delete(key.public_id, project_id=charlie.project.public_id),
        lambda: stranger.admin_api_keys.retrieve(manages.public_id),
        lambda: stranger.admin_api_keys.delete(manages.public_id),
        lambda: stranger.users.retrieve(alice.owner.public_id),
        lambda: stranger.users.delete(alice.owner.public_id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    with pytest.raises(BadRequestError):
        stranger.projects.list(after=alice.project.public_id)
    assert Project.objects.get(pk=alice.project.pk).archived_at is None
    assert not ApiKey.objects.filter(organization=alice.organization, revoked_at__isnull=False).exists()


def test_what_does_not_exist_is_said_in_json(alice, client):
    secret = alice.key("admin", scopes=("management",))[1]
    answer = client.get("/v1/organization/certificates", headers={"authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")
    answer = client.delete("/v1/organization/projects", headers={"authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_supported")
