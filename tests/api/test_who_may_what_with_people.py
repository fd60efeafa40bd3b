"""Every operation on projects and people, for every kind of caller, on one's own and another organization's."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import invitations, keys, projects
from accounts.actor import Actor
from accounts.keys import Restrictions
from accounts.models import Invitation, Membership, Organization, Project, ProjectMembership
from accounts.roles import Role
from tests.api.client import Door, fault
from tests.api.organization_rights import MAY, OWN
from tests.api.test_description import check, described
from tests.people import person

pytestmark = pytest.mark.django_db
STRANGERS = ("Charlie", "Charlie's key")
CREATED = {"projects_create", "project_members_add", "invitations_create"}


class Things:
    """What Alice has: a project that is archived, a developer in it, an invitation."""

    def __init__(self, alice):
        self.developer = alice.member("Dora", Role.DEVELOPER)
        other = person("Erik")
        Membership.objects.create(organization=alice.organization, user=other, role=Role.VIEWER)
        self.viewer = other
        self.project = projects.create(alice.organization, "Storefront", alice.actor)
        projects.add_member(self.project, self.developer, alice.actor)
        projects.archive(self.project, alice.actor)
        self.invitation = invitations.invite(alice.organization, "tom@example.com", "viewer", alice.actor).invitation
        Invitation.objects.update(sent_at=timezone.now() - timedelta(hours=1))

    def path(self, template):
        ids = {
            "project_id": self.project.public_id,
            "user_id": self.developer.public_id,
            "invitation_id": self.invitation.public_id,
        }
        return template.removeprefix("/api/").format(**ids)

    @property
    def bodies(self):
        return {
            "organization_change": {"name": "changed"},
            "projects_create": {"name": "made"},
            "projects_rename": {"name": "renamed"},
            "project_members_add": {"user_id": self.viewer.public_id},
            "members_change": {"role": "viewer"},
            "invitations_create": {"email": "new@example.com", "role": "viewer"},
        }

    def state(self, alice):
        """Everything that is Alice's."""
        mine = {"organization": alice.organization}
        return [
            list(rows.order_by("pk").values())
            for rows in (
                Organization.objects.filter(pk=alice.organization.pk),
                Project.objects.filter(**mine),
                Membership.objects.filter(**mine),
                ProjectMembership.objects.filter(project__organization=alice.organization),
                Invitation.objects.filter(**mine),
            )
        ]


@pytest.fixture
def things(alice):
    return Things(alice)


@pytest.fixture
def door(alice, charlie):
    def open_for(who):
        if who == "nobody":
            return Door()
        if who.endswith("key"):
            place = charlie if who.startswith("Charlie") else alice
            scope = who.split()[0] if place is alice else "management"
            return Door(place.key(f"of {who}", scopes=(scope,))[1])
        if who == "Charlie":
            return Door(user=charlie.owner)
        return Door(user=alice.owner if who == "owner" else alice.member("Bob", Role(who)))

    return open_for


@pytest.mark.parametrize("who", [*OWN, *STRANGERS, "nobody"])
def test_who_may_what(alice, door, things, who):
    caller = door(who)
    if who == "developer":
        # Who works in the project sees it.
        projects.add_member(things.project, Membership.objects.get(user__email="bob@example.com").user, alice.actor)
    if who == "usage key":
        # It sees its own project alone.
        things.project = alice.project
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] not in MAY:
                continue
            undo = transaction.savepoint()
            one_operation(alice, caller, things, who, method.upper(), path, operation)
            transaction.savepoint_rollback(undo)


def one_operation(alice, caller, things, who, method, path, operation):
    """Call it on Alice's things and judge the answer, by the table and by the description."""
    name = operation["operationId"]
    before = things.state(alice)
    answer = caller.send(method, things.path(path), things.bodies.get(name))
    told = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    check(answer.json(), told, described())
    if who == "nobody":
        assert fault(answer)[0] == 401, name
    elif who in STRANGERS and "{" in path:
        assert fault(answer)[:2] == (404, "not_found"), name
    elif who in STRANGERS or who in MAY[name]:
        assert answer.status_code == (201 if name in CREATED else 200), (name, answer.content)
    else:
        assert fault(answer)[:2] == (403, "insufficient_permissions"), name
    if who in STRANGERS:
        text = answer.content.decode()
        for mine in (things.project.public_id, "dora@", "Dora", "tom@", "Storefront", "Alice"):
            assert mine not in text, name
    if who not in MAY[name]:
        assert things.state(alice) == before, name


def test_only_an_owner_logged_in_makes_changes_or_removes_owners(alice, things, door):
    for who in ("admin", "management key"):
        caller = door(who)
        owner, viewer = alice.owner.public_id, things.viewer.public_id
        for answer in (
            caller.patch(f"v1/members/{owner}", {"role": "viewer"}),
            caller.patch(f"v1/members/{viewer}", {"role": "owner"}),
            caller.send("DELETE", f"v1/members/{owner}"),
            caller.post("v1/invitations", {"email": "new@example.com", "role": "owner"}),
        ):
            assert fault(answer)[:2] == (403, "insufficient_permissions")
    caller = door("owner")
    assert fault(caller.send("DELETE", f"v1/members/{alice.owner.public_id}"))[:2] == (409, "last_owner")
    assert caller.patch(f"v1/members/{things.viewer.public_id}", {"role": "owner"}).json()["role"] == "owner"


def test_an_invitation_of_a_script_needs_somebody_who_stands_for_it(alice, door):
    bob = alice.member("Bob", Role.ADMIN)
    secret = _key_of(alice, bob)
    caller = Door(secret)
    sent = caller.post("v1/invitations", {"email": "new@example.com", "role": "viewer"})
    assert sent.status_code == 201 and sent.json()["mail_sent"] is True
    invitation = Invitation.objects.get()
    assert invitation.invited_by == bob
    assert invitations.check(invitation) is None
    Membership.objects.filter(user=bob).update(role=Role.DEVELOPER)
    answer = caller.post("v1/invitations", {"email": "other@example.com", "role": "viewer"})
    assert fault(answer)[:2] == (403, "insufficient_permissions")


def _key_of(alice, user):
    return keys.create(alice.project, "bobs", Actor(user), restrictions=Restrictions(scopes=("management",))).secret
