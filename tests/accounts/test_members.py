"""Roles, leaving and owners: what the verbs promise, whoever asks."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from accounts import keys, members
from accounts.actor import Actor
from accounts.keys import Restrictions
from accounts.members import LastOwner
from accounts.models import AuditEntry, Membership, ProjectMembership, User
from accounts.roles import Role, Scope
from tests.billing.desk import admitted, ask, refused, serve_all_models
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    made = house()
    serve_all_models()
    return made


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


@pytest.mark.parametrize(
    "verb",
    [
        lambda owner, by: members.leave(owner, by),
        lambda owner, by: members.remove(owner, by),
        lambda owner, by: members.change_role(owner, Role.ADMIN, by),
    ],
)
def test_the_last_owner_stays(alice: House, verb: Callable[[Membership, Actor], int]) -> None:
    alice.member("Bob", Role.ADMIN)
    closed = alice.member("Dan", Role.OWNER)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    before = AuditEntry.objects.count()
    with pytest.raises(LastOwner):
        verb(membership(alice.owner), alice.actor)
    assert membership(alice.owner).role == Role.OWNER
    assert AuditEntry.objects.count() == before


def test_an_owner_may_go_when_another_stays(alice: House) -> None:
    bob = alice.member("Bob", Role.OWNER)
    members.leave(membership(alice.owner), alice.actor)
    assert [one.user for one in alice.organization.memberships.all()] == [bob]
    with pytest.raises(LastOwner):
        members.leave(membership(bob), Actor(bob))


def test_who_leaves_loses_their_own_keys_with_the_next_request_and_their_projects(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    own = keys.create(alice.project, "bobs", Actor(bob), owner=bob)
    shared = keys.create(alice.project, "shared", Actor(bob))
    assert members.remove(membership(bob), alice.actor) == 1
    assert refused(ask(own.api_key, own.secret)).kind == "revoked"
    admitted(ask(shared.api_key, shared.secret))
    assert not ProjectMembership.objects.exists()
    entry = AuditEntry.objects.get(action="member.removed")
    assert entry.organization == alice.organization
    assert entry.changes == {"member": "bob@example.com", "role": "developer", "keys_revoked": 1}


def test_somebody_keeps_what_they_have_in_other_organizations(alice: House) -> None:
    dora = house("Dora")
    Membership.objects.create(organization=alice.organization, user=dora.owner, role=Role.DEVELOPER)
    own = keys.create(dora.project, "own", dora.actor, owner=dora.owner)
    members.remove(Membership.objects.get(organization=alice.organization, user=dora.owner), alice.actor)
    admitted(ask(own.api_key, own.secret))


@pytest.mark.parametrize(
    ("role", "alive"),
    [(Role.ADMIN, {"chat", "management"}), (Role.DEVELOPER, {"chat"}), (Role.BILLING, set()), (Role.VIEWER, set())],
)
def test_own_keys_beyond_the_new_role_stop(alice: House, role: Role, alive: set[str]) -> None:
    bob = alice.member("Bob", Role.OWNER)
    for scope in (Scope.CHAT, Scope.MANAGEMENT):
        keys.create(alice.project, scope, Actor(bob), owner=bob, restrictions=Restrictions(scopes=(scope,)))
    stopped = members.change_role(membership(bob), role, alice.actor)
    assert stopped == 2 - len(alive)
    assert {key.name for key in members.own_keys(membership(bob))} == alive
    assert AuditEntry.objects.get(action="member.role_changed").changes["role"] == ["owner", role]


def test_giving_the_same_role_again_changes_nothing(alice: House) -> None:
    bob = alice.member("Bob", Role.VIEWER)
    assert members.change_role(membership(bob), Role.VIEWER, alice.actor) == 0
    assert not AuditEntry.objects.filter(action="member.role_changed").exists()


def test_an_unknown_role_is_refused(alice: House) -> None:
    bob = alice.member("Bob", Role.VIEWER)
    with pytest.raises(ValidationError, match="Choose one of"):
        members.change_role(membership(bob), "emperor", alice.actor)


def test_who_is_gone_already_is_said_so(alice: House) -> None:
    bob = membership(alice.member("Bob", Role.VIEWER))
    members.remove(bob, alice.actor)
    bob.pk = 999
    with pytest.raises(ValidationError, match="no longer a member"):
        members.remove(bob, alice.actor)


def test_handing_over_makes_an_owner_and_an_admin(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    members.transfer(membership(alice.owner), membership(bob), alice.actor)
    assert (membership(alice.owner).role, membership(bob).role) == (Role.ADMIN, Role.OWNER)
    entry = AuditEntry.objects.get(action="organization.transferred")
    assert entry.changes == {"member": "bob@example.com", "was": "alice@example.com"}


def test_it_is_handed_over_to_members_who_can_log_in_only(alice: House) -> None:
    dora = house("Dora")
    closed = alice.member("Dan", Role.ADMIN)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    for wrong in (membership(dora.owner), membership(closed), membership(alice.owner)):
        with pytest.raises(ValidationError):
            members.transfer(membership(alice.owner), wrong, alice.actor)
    assert membership(alice.owner).role == Role.OWNER


def test_only_owners_make_or_change_owners(alice: House) -> None:
    assert Role.OWNER in members.roles_to_give(Role.OWNER)
    assert set(members.roles_to_give(Role.ADMIN)) == set(Role) - {Role.OWNER}
    assert members.roles_to_give(Role.DEVELOPER) == members.roles_to_give(Role.BILLING) == []
    assert not members.may_change(Role.ADMIN, membership(alice.owner))
