"""An account is deleted after a week, unless its person keeps it."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import closing, keys, members, organizations
from accounts.actor import SYSTEM, Actor
from accounts.models import AccountDeletion, ApiKey, AuditEntry, Membership, Organization, User
from accounts.roles import Role
from tests.people import House, house

pytestmark = pytest.mark.database
WEEK = timedelta(days=7)


@pytest.fixture
def alice(db: None) -> House:
    return house("Alice")


def later() -> int:
    return closing.finish_due(timezone.now() + WEEK + timedelta(seconds=1))


def test_who_is_alone_closes_the_organization_too(alice: House) -> None:
    key, _ = alice.key("worker")
    EmailAddress.objects.create(user=alice.owner, email=alice.owner.email, verified=True, primary=True)
    asked = closing.ask(alice.owner, alice.actor)
    assert closing.ask(alice.owner, alice.actor).pk == asked.pk
    alice.organization.refresh_from_db()
    assert (alice.organization.is_suspended, asked.ends_at - asked.asked_at) == (True, WEEK)
    assert closing.finish_due() == 0
    assert (later(), later()) == (1, 0)
    user, key = User.objects.get(), ApiKey.objects.get(pk=key.pk)
    assert key.revoked_at and not user.is_active and not user.has_usable_password()
    assert (user.name, user.email) == ("", f"{user.public_id.lower()}@deleted.invalid")
    assert not Membership.objects.exists() and not EmailAddress.objects.exists()
    assert Organization.objects.get().is_suspended
    assert AuditEntry.objects.filter(action="user.deleted", object_id=user.public_id).count() == 1
    # The address is free again.
    assert house("Alice").owner.email == "alice@example.com"


def test_who_keeps_the_account_gets_back_what_was_stopped_and_no_more(alice: House) -> None:
    bob = alice.member("Bob", Role.ADMIN)
    actor = Actor(bob)
    mine = [keys.create(alice.project, name, actor, owner=bob).api_key for name in ("on", "off")]
    keys.disable(mine[1], actor)
    closing.ask(bob, actor)
    assert ApiKey.objects.get(pk=mine[0].pk).disabled_at
    assert not Organization.objects.get().is_suspended
    assert closing.keep(bob, actor)
    assert not closing.keep(bob, actor)
    assert [bool(ApiKey.objects.get(pk=key.pk).disabled_at) for key in mine] == [False, True]
    assert later() == 0 and User.objects.get(pk=bob.pk).is_active


def test_the_only_owner_of_others_work_cannot_go(alice: House) -> None:
    bob = alice.member("Bob", Role.ADMIN)
    with pytest.raises(members.LastOwner):
        closing.ask(alice.owner, alice.actor)
    assert not AccountDeletion.objects.exists()
    members.change_role(Membership.objects.get(user=bob), Role.OWNER, SYSTEM)
    key, _ = alice.key("project")
    closing.ask(alice.owner, alice.actor)
    # Meanwhile the other owner left: the account waits.
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    assert later() == 0 and User.objects.get(pk=alice.owner.pk).is_active
    Membership.objects.filter(user=bob).update(role=Role.OWNER)
    assert later() == 1
    assert not Organization.objects.get().is_suspended
    assert ApiKey.objects.get(pk=key.pk).revoked_at is None or key.owner_id == alice.owner.pk


def test_an_operators_suspension_is_not_lifted_by_keeping_the_account(alice: House) -> None:
    Organization.objects.update(suspended_at=timezone.now(), suspended_reason="No.")
    closing.ask(alice.owner, alice.actor)
    closing.keep(alice.owner, alice.actor)
    assert Organization.objects.get().suspended_reason == "No."


def test_an_operators_suspension_goes_before_the_owners(alice: House) -> None:
    closing.ask(alice.owner, alice.actor)
    organizations.suspend(alice.organization, "Unpaid.", SYSTEM)
    closing.keep(alice.owner, alice.actor)
    alice.organization.refresh_from_db()
    assert (alice.organization.is_suspended, alice.organization.suspended_reason) == (True, "Unpaid.")


def test_the_only_operator_cannot_go(alice: House) -> None:
    User.objects.filter(pk=alice.owner.pk).update(is_superuser=True)
    with pytest.raises(closing.LastOperator):
        closing.ask(alice.owner, alice.actor)
    other = house("Bob").owner
    User.objects.filter(pk=other.pk).update(is_superuser=True)
    closing.ask(alice.owner, alice.actor)
    # Who goes too is nobody to rest on.
    with pytest.raises(closing.LastOperator):
        closing.ask(other, Actor(other))
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert later() == 0 and User.objects.get(pk=alice.owner.pk).is_active


def test_what_is_written_down_at_the_end_does_not_name_the_person(alice: House) -> None:
    alice.key("worker")
    closing.ask(alice.owner, alice.actor)
    newest = AuditEntry.objects.latest("pk").pk
    assert later() == 1
    told = AuditEntry.objects.filter(pk__gt=newest)
    assert told.count() > 1
    assert not [entry for entry in told if "alice@example.com" in str(vars(entry))]
