"""Scheduled exports by REST: who may, what is shown, and what never is."""

import json

import pytest
from django.db import transaction

from accounts.models import AuditEntry
from accounts.roles import Role
from billing import exports
from billing.models import ExportFile, ScheduledExport
from tests.api.client import Door, fault
from tests.api.export_rights import MAY
from tests.api.test_description import check, described

pytestmark = pytest.mark.django_db
SECRET = "wJalrXUtnFEMI-EXAMPLE-KEY"
BODY = {"bucket": "example-books", "access_key_id": "AKIAEXAMPLE", "secret_access_key": SECRET}
BODIES = {"scheduled_exports_create": BODY, "scheduled_exports_change": {"contents": ["usage"]}}
WHO = (
    "owner", "admin", "developer", "billing", "viewer", "management key", "usage key", "chat key", "ingest key",
    "Charlie", "Charlie's key", "nobody",
)  # fmt: skip


@pytest.fixture
def export(alice):
    return exports.to_bucket(alice.organization, exports.Target(**BODY), alice.actor)


@pytest.fixture
def door(alice, charlie):
    def open_for(who):
        if who == "nobody":
            return Door()
        if who == "Charlie's key":
            return Door(charlie.key("theirs", scopes=("management",))[1])
        if who.endswith("key"):
            return Door(alice.key(f"of {who}", scopes=(who.split()[0],))[1])
        if who == "Charlie":
            return Door(user=charlie.owner)
        return Door(user=alice.owner if who == "owner" else alice.member("Bob", Role(who)))

    return open_for


@pytest.mark.parametrize("who", WHO)
def test_who_may_what(door, export, who):
    caller = door(who)
    seen = set()
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            if name not in MAY:
                continue
            seen.add(name)
            undo = transaction.savepoint()
            before = ScheduledExport.objects.values().get(pk=export.pk), ExportFile.objects.count()
            url = path.removeprefix("/api/").format(export_id=export.public_id)
            answer = caller.send(method.upper(), url, BODIES.get(name))
            content = operation["responses"][str(answer.status_code)]["content"]
            check(answer.json(), content["application/json"]["schema"], described())
            assert SECRET not in answer.content.decode()
            if who == "nobody":
                assert fault(answer)[0] == 401
            elif who.startswith("Charlie"):
                if "{" in path:
                    assert fault(answer)[:2] == (404, "not_found"), name
                assert export.public_id not in answer.content.decode().replace(path, "")
            elif who in MAY[name]:
                assert answer.status_code == (201 if name.endswith("create") else 200), answer.content
            else:
                assert fault(answer)[:2] == (403, "insufficient_permissions"), name
            if who not in MAY[name]:
                assert before == (ScheduledExport.objects.values().get(pk=export.pk), ExportFile.objects.count())
            transaction.savepoint_rollback(undo)
    assert seen == set(MAY)


def test_the_secret_is_never_shown_again(admin, alice):
    made = admin.post("v1/scheduled-exports", BODY, Idempotency_Key="once")
    again = admin.post("v1/scheduled-exports", BODY, Idempotency_Key="once")
    assert made.json() == again.json()
    export_id = made.json()["id"]
    admin.patch(f"v1/scheduled-exports/{export_id}", {"access_key_id": "AKIAOTHER", "secret_access_key": f"{SECRET}2"})
    admin.post(f"v1/scheduled-exports/{export_id}/run", {})
    one = f"v1/scheduled-exports/{export_id}"
    for path in ("v1/scheduled-exports", one, f"{one}/files"):
        assert SECRET not in admin.get(path).content.decode()
    assert admin.get(f"v1/scheduled-exports/{export_id}").json()["access_key_id"] == "AKIAOTHER"
    assert len(admin.get(f"v1/scheduled-exports/{export_id}/files").json()["data"]) == 3
    assert SECRET not in json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert fault(admin.patch(f"v1/scheduled-exports/{export_id}", {"access_key_id": "AKIA3"}))[2] == "secret_access_key"


def test_a_directory_is_the_operators(admin, alice, tmp_path):
    export = exports.to_directory(alice.organization, str(tmp_path))
    shown = admin.get(f"v1/scheduled-exports/{export.public_id}")
    assert shown.json()["place"] == "directory"
    assert str(tmp_path) not in shown.content.decode()
    assert fault(admin.patch(f"v1/scheduled-exports/{export.public_id}", {"enabled": False}))[0] == 403
    assert fault(admin.send("DELETE", f"v1/scheduled-exports/{export.public_id}"))[0] == 403
    assert fault(admin.post("v1/scheduled-exports", {**BODY, "directory": "/srv"}))[:2] == (400, "invalid_value")
    assert admin.post(f"v1/scheduled-exports/{export.public_id}/run").status_code == 200


def test_what_is_wrong_names_its_member(admin):
    for member, value in (("bucket", "../x"), ("prefix", "../x"), ("endpoint", "https://127.0.0.1"), ("contents", [])):
        answer = admin.post("v1/scheduled-exports", {**BODY, member: value})
        assert fault(answer)[:2] == (400, "invalid_value")
        assert fault(answer)[2].startswith(member)
    assert not ScheduledExport.objects.exists()


@pytest.mark.parametrize("day", ["9999-12-31", "2100-01-01", "0001-01-01"])
def test_a_day_far_away_is_not_over_or_too_long_past(admin, export, day):
    answer = admin.post(f"v1/scheduled-exports/{export.public_id}/run", {"day": day})
    assert fault(answer) == (400, "invalid_value", "day")
    assert not ExportFile.objects.exists()
