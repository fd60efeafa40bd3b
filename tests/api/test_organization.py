"""Organization, projects, people and the record of changes, by script."""

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.utils import timezone

from accounts.models import AuditEntry, Invitation, Project, User
from accounts.roles import Role
from billing import grants, limits
from billing.limits import Terms
from billing.models import GrantKind, SpendingLimit
from tests.api.client import Door, fault
from tests.people import House

pytestmark = pytest.mark.django_db


def has_factor(user: User) -> None:
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})


def test_the_organization_is_renamed_and_moved(alice: House, admin) -> None:
    assert admin.get("v1/organization").json()["time_zone"] == "UTC"
    changed = admin.patch("v1/organization", {"time_zone": "Asia/Kolkata"}).json()
    assert (changed["name"], changed["time_zone"]) == ("Alice's", "Asia/Kolkata")
    assert fault(admin.patch("v1/organization", {"time_zone": "Mars/Base"})) == (400, "invalid_value", "time_zone")
    assert fault(admin.patch("v1/organization", {"name": " "}))[1:] == ("invalid_value", "name")
    assert fault(admin.patch("v1/organization", {"zone": "UTC"})) == (400, "invalid_value", "zone")
    entry = AuditEntry.objects.get(action="organization.changed")
    assert entry.actor is None and entry.actor_key.startswith("key_")


def test_who_may_join_and_how_they_log_in(alice: House, admin) -> None:
    has_factor(alice.owner)
    asked = {"allowed_domains": ["Example.com", "@northwind.example"], "requires_two_factor": True}
    changed = admin.patch("v1/organization", asked).json()
    assert changed["allowed_domains"] == ["example.com", "northwind.example"] and changed["requires_two_factor"] is True
    wrong = {"name": "Renamed", "allowed_domains": ["nowhere"]}
    assert fault(admin.patch("v1/organization", wrong)) == (400, "invalid_value", "allowed_domains")
    assert fault(admin.patch("v1/organization", {"requires_two_factor": 1}))[1:] == (
        "invalid_value", "requires_two_factor",
    )  # fmt: skip
    kept = admin.patch("v1/organization", {"time_zone": "UTC"}).json()
    assert kept["name"] == "Alice's" and kept["allowed_domains"] == changed["allowed_domains"]
    told = fault(admin.post("v1/invitations", {"email": "bob@elsewhere.com", "role": "developer"}))
    assert told == (409, "domain_not_allowed", "email")


def test_nobody_is_asked_for_a_second_factor_before_somebody_can_come_in(alice: House, admin) -> None:
    asked = {"requires_two_factor": True, "allowed_domains": ["example.com"]}
    has_factor(alice.member("Ada", Role.ADMIN))
    refused = (409, "two_factor_missing", "requires_two_factor")
    session = Door(user=alice.owner)
    for door in (admin, session):
        assert fault(door.patch("v1/organization", asked)) == refused
    kept = admin.get("v1/organization").json()
    assert (kept["requires_two_factor"], kept["allowed_domains"]) == (False, [])
    has_factor(alice.owner)
    assert admin.patch("v1/organization", asked).json()["requires_two_factor"] is True
    # What is asked already is no change.
    Authenticator.objects.all().delete()
    assert admin.patch("v1/organization", {"name": "Renamed"}).json()["requires_two_factor"] is True


def test_a_project_from_its_beginning_to_its_end(alice: House, admin) -> None:
    made = admin.post("v1/projects", {"name": "Storefront"}, idempotency_key="once")
    assert made.status_code == 201 and made.json()["status"] == "active"
    assert admin.post("v1/projects", {"name": "Storefront"}, idempotency_key="once").json() == made.json()
    assert fault(admin.post("v1/projects", {"name": "Storefront"}))[:2] == (409, "name_taken")
    path = f"v1/projects/{made.json()['id']}"
    assert admin.patch(path, {"name": "Shop"}).json()["name"] == "Shop"
    assert fault(admin.send("DELETE", path))[:2] == (409, "project_not_archived")
    project = Project.objects.get(name="Shop")
    limits.set_limit(project, Terms("requests", 5, "month"))
    assert admin.post(f"{path}/archive").json()["status"] == "archived"
    assert [one["name"] for one in admin.get("v1/projects?status=archived").json()["data"]] == ["Shop"]
    assert admin.post(f"{path}/restore").json()["archived_at"] is None
    admin.post(f"{path}/archive")
    assert admin.send("DELETE", path).json() == {"object": "project", "id": project.public_id, "deleted": True}
    assert fault(admin.get(path))[:2] == (404, "not_found")
    assert fault(admin.post(f"{path}/restore"))[0] == 404
    assert not SpendingLimit.objects.filter(removed_at=None).exists()
    assert [one["name"] for one in admin.get("v1/projects").json()["data"]] == ["Default"]


def test_projects_come_in_pages(alice: House, admin) -> None:
    for number in range(5):
        admin.post("v1/projects", {"name": f"p{number}"})
    seen, cursor = [], ""
    while True:
        page = admin.get(f"v1/projects?limit=2{cursor}").json()
        seen += [one["name"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["p4", "p3", "p2", "p1", "p0", "Default"]
    assert fault(admin.get("v1/projects?cursor=proj_nobody"))[1:] == ("invalid_value", "cursor")


def test_people_are_invited_change_and_go(alice: House, admin) -> None:
    sent = admin.post("v1/invitations", {"email": " Tom@Example.com", "project_ids": [alice.project.public_id]})
    assert sent.status_code == 201, sent.content
    invitation = sent.json()
    assert (invitation["email"], invitation["role"]) == ("tom@example.com", "developer")
    assert invitation["project_ids"] == [alice.project.public_id]
    (message,) = mail.outbox
    assert "/invitations/" in message.body and message.to == ["tom@example.com"]
    # The link is in the mail alone.
    assert message.body.split("/invitations/")[1].split("/")[0] not in sent.content.decode()
    assert fault(admin.post("v1/invitations", {"email": "tom@example.com"}))[:2] == (409, "invited_already")
    assert fault(admin.post("v1/invitations", {"email": "nobody"}))[:2] == (400, "invalid_value")
    assert fault(admin.post("v1/invitations", {"email": "x@example.com", "project_ids": ["proj_1"]})) == (
        404,
        "not_found",
        "project_ids",
    )
    path = f"v1/invitations/{invitation['id']}"
    assert fault(admin.post(f"{path}/resend"))[:2] == (409, "too_soon")
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert admin.post(f"{path}/resend").json()["mail_sent"] is True
    assert len(mail.outbox) == 2
    assert [one["id"] for one in admin.get("v1/invitations").json()["data"]] == [invitation["id"]]
    assert admin.send("DELETE", path).json()["deleted"] is True
    assert not Invitation.objects.exists()
    bob = alice.member("Bob", Role.ADMIN)
    assert fault(admin.post("v1/invitations", {"email": bob.email}))[:2] == (409, "member_already")
    assert admin.patch(f"v1/members/{bob.public_id}", {"role": "developer"}).json()["role"] == "developer"
    assert fault(admin.patch(f"v1/members/{bob.public_id}", {"role": "king"}))[1:] == ("invalid_value", "role")
    added = admin.post(f"v1/projects/{alice.project.public_id}/members", {"user_id": bob.public_id})
    assert added.status_code == 201 and added.json()["email"] == "bob@example.com"
    removed = admin.send("DELETE", f"v1/projects/{alice.project.public_id}/members/{bob.public_id}").json()
    assert (removed["deleted"], removed["keys_revoked"]) == (True, 0)
    assert admin.send("DELETE", f"v1/members/{bob.public_id}").json()["deleted"] is True
    assert [one["email"] for one in admin.get("v1/members").json()["data"]] == ["alice@example.com"]
    written = admin.get(f"v1/audit?object_id={bob.public_id}").json()["data"]
    assert {(one["action"], one["object_type"]) for one in written} == {
        ("member.role_changed", "Membership"),
        ("member.removed", "Membership"),
    }


def test_a_mail_that_did_not_go_is_said(alice: House, admin, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", broken)
    answer = admin.post("v1/invitations", {"email": "tom@example.com"})
    assert (answer.status_code, answer.json()["mail_sent"]) == (201, False)


def test_the_record_tells_credit_as_the_api_does(alice: House, admin) -> None:
    grant = grants.give(alice.organization, 25_000_000_001, GrantKind.OPERATOR, alice.actor, note="Hello")
    assert grant is not None
    (entry,) = admin.get(f"v1/audit?object_id=grant_{grant.pk}").json()["data"]
    assert (entry["action"], entry["object_id"]) == ("credit.granted", f"grant_{grant.pk}")
    assert entry["changes"] == {"amount": "25.000000001", "note": "Hello"}
    assert entry["object_id"] in [one["id"] for one in admin.get("v1/grants").json()["data"]]
    assert admin.get("v1/audit?object_id=grant_0").json()["data"] == []


def test_the_record_of_changes_is_filtered(alice: House, admin) -> None:
    key, _ = alice.key("worker")
    admin.patch("v1/organization", {"name": "Other"})
    every = admin.get("v1/audit?limit=100").json()["data"]
    assert every[0]["action"] == "organization.changed" and every[0]["changes"] == {"name": ["Alice's", "Other"]}

    def actions(query: str) -> list[str]:
        return [one["action"] for one in admin.get(f"v1/audit?{query}").json()["data"]]

    assert actions(f"object_id={key.public_id}") == ["key.created"]
    assert actions("action=organization.changed") == ["organization.changed"]
    assert actions(f"actor={every[0]['actor_key_id']}") == ["organization.changed"]
    assert set(actions("actor=alice@example.com")) == {"organization.created", "key.created"}
    later = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert actions(f"since={later}") == [] and len(actions(f"until={later}&limit=100")) == len(every)
    seen, cursor = [], ""
    while True:
        page = admin.get(f"v1/audit?limit=1{cursor}").json()
        seen += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [one["id"] for one in every]
