from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.keys import hash_of
from accounts.models import ApiKey, ApiKeySecret, AuditEntry, Project, ProjectMembership
from accounts.roles import Role
from tests.api.client import Door, fault
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.people import house
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db
NOWHERE = "key_" + "x" * 20


def test_it_creates_a_key_whose_secret_is_shown_once(alice, admin):
    expires = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
    response = admin.post(
        "v1/keys",
        {
            "name": "ci",
            "scopes": ["chat"],
            "allowed_models": ["deepseek-chat"],
            "allowed_networks": ["203.0.113.7"],
            "requests_per_minute": 5,
            "expires_at": expires.isoformat(),
        },
    )
    assert response.status_code == 201
    body = response.json()
    made = ApiKey.objects.get(public_id=body["id"])
    assert body["object"] == "api_key" and body["status"] == "expires_soon"
    assert body["project_id"] == alice.project.public_id and body["owner"] is None
    assert body["allowed_networks"] == ["203.0.113.7/32"] and body["requests_per_minute"] == 5
    assert body["expires_at"] == expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert body["created_at"].endswith("Z")
    assert body["hint"] == f"sk-…{body['secret'][-4:]}"
    assert ApiKeySecret.objects.get(api_key=made).fingerprint == hash_of(body["secret"])
    assert "secret" not in admin.get(f"v1/keys/{body['id']}").json()
    entry = AuditEntry.objects.get(action="key.created", object_id=body["id"])
    assert entry.actor_key.startswith("key_") and entry.actor is None


def test_a_person_makes_keys_of_their_own_or_of_the_project(alice):
    door = Door(user=alice.owner)
    assert door.post("v1/keys", {"name": "mine"}).json()["owner"] == {"email": "alice@example.com", "name": "Alice"}
    assert door.post("v1/keys", {"name": "ours", "owned_by": "project"}).json()["owner"] is None


def test_a_key_makes_no_key_of_a_person(admin):
    assert fault(admin.post("v1/keys", {"name": "x", "owned_by": "me"})) == (400, "invalid_value", "owned_by")


def test_it_lists_newest_first_in_pages(alice, admin):
    for number in range(4):
        alice.key(f"k{number}")
    names, cursor = [], ""
    for _ in range(9):
        body = admin.get(f"v1/keys?limit=2{cursor}").json()
        assert body["object"] == "list" and len(body["data"]) <= 2
        names += [one["name"] for one in body["data"]]
        if not body["has_more"]:
            assert body["next_cursor"] is None
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert names == ["k3", "k2", "k1", "k0", "admin"]


def test_a_key_that_only_manages_was_used_too(alice, admin):
    [listed] = admin.get("v1/keys").json()["data"]
    assert listed["last_used_at"] is not None


def test_it_says_when_a_key_was_last_used(alice, admin):
    api_key, secret = alice.key("k")
    path = f"v1/keys/{api_key.public_id}"
    assert admin.get(path).json()["last_used_at"] is None
    serve_all_models()
    settle(outcome(admitted(ask(api_key, secret))))
    at = UsageEvent.objects.get().occurred_at
    assert admin.get(path).json()["last_used_at"] == at.isoformat().replace("+00:00", "Z")


def test_it_lists_a_project(alice, admin):
    other = Project.objects.create(organization=alice.organization, name="Other")
    keys.create(other, "there", alice.actor)
    keys.playground_key(other)
    body = admin.get(f"v1/keys?project={other.public_id}").json()
    assert [one["name"] for one in body["data"]] == ["there"]


def test_a_list_asks_the_same_number_of_queries_however_long(alice, admin, django_assert_max_num_queries):
    for number in range(12):
        alice.key(f"k{number}")
    with django_assert_max_num_queries(8):
        assert len(admin.get("v1/keys?limit=50").json()["data"]) == 13


def test_what_is_not_sent_stays(alice, admin):
    api_key, _ = alice.key("k", allowed_models=("deepseek-chat",), requests_per_minute=7)
    body = admin.patch(f"v1/keys/{api_key.public_id}", {"name": "renamed", "requests_per_minute": None}).json()
    assert (body["name"], body["requests_per_minute"]) == ("renamed", None)
    assert body["allowed_models"] == ["deepseek-chat"]
    body = admin.patch(f"v1/keys/{api_key.public_id}", {"allowed_models": None}).json()
    assert body["allowed_models"] is None


def test_a_change_is_whole_or_not_at_all(alice, admin):
    api_key, _ = alice.key("k")
    response = admin.patch(f"v1/keys/{api_key.public_id}", {"name": "renamed", "allowed_networks": ["nowhere"]})
    assert fault(response) == (400, "invalid_value", "allowed_networks")
    api_key.refresh_from_db()
    assert api_key.name == "k"


def test_it_regenerates_with_grace(alice, admin):
    api_key, old = alice.key("k", scopes=("management",))
    path = f"v1/keys/{api_key.public_id}/regenerate"
    body = admin.post(path, {"grace": "1h"}).json()
    assert body["id"] == api_key.public_id and body["secret"] != old
    assert body["previous_secret_ends_at"].endswith("Z")
    assert Door(old).get("v1/me").status_code == Door(body["secret"]).get("v1/me").status_code == 200
    newest = admin.post(path).json()["secret"]
    assert Door(old).get("v1/me").status_code == Door(body["secret"]).get("v1/me").status_code == 401
    assert Door(newest).get("v1/me").status_code == 200


def test_it_disables_enables_and_revokes(alice, admin):
    api_key, secret = alice.key("k", scopes=("management",))
    path, door = f"v1/keys/{api_key.public_id}", Door(secret)
    assert admin.post(f"{path}/disable").json()["status"] == "disabled"
    assert door.get("v1/me").status_code == 401
    assert admin.post(f"{path}/enable", {}).json()["status"] == "active"
    assert door.get("v1/me").status_code == 200
    assert admin.post(f"{path}/revoke").json()["status"] == "revoked"
    assert admin.post(f"{path}/revoke").json()["status"] == "revoked"
    assert door.get("v1/me").status_code == 401
    for verb in ("regenerate", "enable", "disable"):
        assert fault(admin.post(f"{path}/{verb}"))[:2] == (409, "key_revoked")
    assert fault(admin.patch(path, {"name": "x"}))[:2] == (409, "key_revoked")


def test_instants_are_utc_whatever_the_persons_zone(alice, admin):
    expires = "2999-01-01T08:00:00+08:00"
    with timezone.override("Asia/Shanghai"):
        body = admin.post("v1/keys", {"name": "x", "expires_at": expires}).json()
        assert body["expires_at"] == "2999-01-01T00:00:00Z"
        assert body["created_at"].endswith("Z")
        body = admin.patch(f"v1/keys/{body['id']}", {"expires_at": "2999-01-01T00:00:00"}).json()
    assert body["expires_at"] == "2999-01-01T00:00:00Z"


def test_names_are_taken_once(alice, admin):
    alice.key("k")
    assert fault(admin.post("v1/keys", {"name": " k "})) == (409, "name_taken", "name")


def test_charlie_sees_nothing_of_alice(alice, charlie):
    api_key, _ = alice.key("k")
    secret = charlie.key("admin", scopes=("management",))[1]
    for door in (Door(secret), Door(user=charlie.owner)):
        path = f"v1/keys/{api_key.public_id}"
        assert fault(door.get(path)) == fault(door.get(f"v1/keys/{NOWHERE}")) == (404, "not_found", None)
        assert fault(door.patch(path, {"name": "x"}))[0] == 404
        for verb in ("regenerate", "revoke", "disable", "enable"):
            assert fault(door.post(f"{path}/{verb}"))[0] == 404
        assert api_key.public_id not in door.get("v1/keys").content.decode()
        assert fault(door.get(f"v1/keys?project={alice.project.public_id}"))[0] == 404
        assert fault(door.get(f"v1/keys?cursor={api_key.public_id}")) == (400, "invalid_value", "cursor")
        assert fault(door.post("v1/keys", {"name": "x", "project_id": alice.project.public_id}))[0] == 404
        assert fault(door.get(f"v1/usage?project={alice.project.public_id}"))[0] == 404
        assert fault(door.get(f"v1/usage?key={api_key.public_id}"))[0] == 404
    api_key.refresh_from_db()
    assert api_key.name == "k" and not api_key.disabled_at and not api_key.revoked_at


def test_the_playgrounds_key_is_nobodys(alice, admin):
    built_in = keys.playground_key(alice.project)
    assert fault(admin.get(f"v1/keys/{built_in.public_id}"))[0] == 404
    assert fault(admin.post(f"v1/keys/{built_in.public_id}/revoke"))[0] == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_bob_changes_nothing_without_the_permission(alice, role):
    api_key, _ = alice.key("k")
    door = Door(user=alice.member("Bob", role))
    path = f"v1/keys/{api_key.public_id}"
    assert door.get("v1/keys").status_code == (200 if role == Role.VIEWER else 403)
    assert door.send("HEAD", "v1/keys").status_code == (200 if role == Role.VIEWER else 403)
    assert fault(door.post("v1/keys", {"name": "x"}))[:2] == (403, "insufficient_permissions")
    assert fault(door.patch(path, {"name": "x"}))[0] == 403
    for verb in ("regenerate", "revoke", "disable", "enable"):
        assert fault(door.post(f"{path}/{verb}"))[0] == 403


def test_bob_the_developer_manages_his_own_and_the_projects_keys(alice):
    bob = alice.member("Bob", Role.DEVELOPER)
    door = Door(user=bob)
    of_project, _ = alice.key("project's")
    hers = keys.create(alice.project, "hers", alice.actor, owner=alice.owner).api_key
    own = door.post("v1/keys", {"name": "own"}).json()["id"]
    assert door.post(f"v1/keys/{own}/disable").status_code == 200
    assert door.post(f"v1/keys/{of_project.public_id}/disable").status_code == 200
    assert fault(door.post(f"v1/keys/{hers.public_id}/disable"))[0] == 403


@pytest.mark.parametrize("scope", ["management", "ingest"])
def test_bob_the_developer_cannot_get_hold_of_what_is_more_than_his_role(alice, scope):
    """A key that reports usage charges other people's keys, and voids what they are charged."""
    door = Door(user=alice.member("Bob", Role.DEVELOPER))
    assert fault(door.post("v1/keys", {"name": "x", "scopes": [scope]}))[:2] == (403, "insufficient_permissions")
    assert fault(door.post("v1/keys", {"name": "x", "scopes": ["usage", scope]}))[0] == 403
    own = door.post("v1/keys", {"name": "own"}).json()["id"]
    assert fault(door.patch(f"v1/keys/{own}", {"scopes": [scope]}))[0] == 403
    more, _ = alice.key("of the project", scopes=(scope,))
    assert fault(door.post(f"v1/keys/{more.public_id}/regenerate"))[0] == 403
    assert Door(user=alice.owner).post("v1/keys", {"name": "y", "scopes": [scope]}).status_code == 201


def test_bob_the_developer_works_in_his_projects(alice):
    bob = alice.member("Bob", Role.DEVELOPER, works_here=False)
    other = Project.objects.create(organization=alice.organization, name="Other")
    ProjectMembership.objects.create(project=other, user=bob)
    door = Door(user=bob)
    assert fault(door.post("v1/keys", {"name": "x", "project_id": alice.project.public_id}))[0] == 404
    assert door.post("v1/keys", {"name": "x"}).json()["project_id"] == other.public_id
    elsewhere, _ = alice.key("elsewhere")
    assert [one["name"] for one in door.get("v1/keys").json()["data"]] == ["x"]
    assert fault(door.get(f"v1/keys/{elsewhere.public_id}"))[0] == 404
    assert fault(door.post(f"v1/keys/{elsewhere.public_id}/revoke"))[0] == 404


def test_it_lists_by_status(alice, admin):
    now = timezone.now()
    for name, changes in {
        "soon": {"expires_at": now + timedelta(days=13)},
        "late": {"expires_at": now + timedelta(days=15)},
        "ended": {"expires_at": now - timedelta(seconds=1)},
        "off": {"disabled_at": now, "expires_at": now - timedelta(seconds=1)},
        "gone": {"revoked_at": now, "disabled_at": now},
    }.items():
        ApiKey.objects.filter(pk=alice.key(name)[0].pk).update(**changes)
    expected = {
        "active": {"admin", "late"}, "expires_soon": {"soon"}, "expired": {"ended"}, "disabled": {"off"},
        "revoked": {"gone"},
    }  # fmt: skip
    for status, names in expected.items():
        data = admin.get(f"v1/keys?status={status}").json()["data"]
        assert {one["name"] for one in data} == names
        assert {one["status"] for one in data} == {status}
    assert len(admin.get("v1/keys?status=active&status=revoked").json()["data"]) == 3


def test_a_viewer_sees_names_without_hints(alice):
    alice.key("k")
    viewer, developer = (Door(user=alice.member(role, role)) for role in (Role.VIEWER, Role.DEVELOPER))
    assert viewer.get("v1/keys").json()["data"][0]["hint"] is None
    assert developer.get("v1/keys").json()["data"][0]["hint"].startswith("sk-…")


def test_keys_wait_for_a_confirmed_address():
    dora = house("Dora", confirmed=False)
    assert fault(Door(user=dora.owner).post("v1/keys", {"name": "x"})) == (403, "email_unconfirmed", None)
