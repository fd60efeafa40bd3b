"""Invitations: a link that works once, for seven days, for one address in any case of letters."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import invitations, members, projects
from accounts.actor import Actor
from accounts.invitations import NotValid
from accounts.models import AuditEntry, Invitation, Membership, Organization, User
from accounts.roles import Role
from tests.people import PASSWORD, House, house, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


def invite(alice: House, email: str = "bob@example.com", role: Role = Role.DEVELOPER) -> invitations.Invited:
    return invitations.invite(alice.organization, email, role, alice.actor, projects=[alice.project])


def by(user: User) -> Actor:
    return Actor(user)


def test_the_secret_is_nowhere_in_the_database(alice: House) -> None:
    made = invite(alice)
    stored = Invitation.objects.values().get()
    assert len(made.secret) >= 40
    assert made.secret not in str(stored)
    assert stored["fingerprint"] != made.secret
    assert invitations.find(made.secret) == made.invitation
    assert invitations.find(made.secret[:-1]) is None
    assert invitations.find(stored["fingerprint"]) is None


def test_somebody_with_an_account_joins_once(alice: House) -> None:
    made = invite(alice, " BOB@Example.com ")
    bob = person("Bob")
    membership = invitations.accept(made.invitation, bob, by(bob))
    assert (membership.organization, membership.role) == (alice.organization, Role.DEVELOPER)
    assert alice.project.memberships.get().user == bob
    assert EmailAddress.objects.get(user=bob).verified
    assert AuditEntry.objects.get(action="member.joined").actor == bob
    with pytest.raises(NotValid, match="used already"):
        invitations.accept(made.invitation, bob, by(bob))


def test_another_persons_link_is_refused(alice: House) -> None:
    made = invite(alice)
    charlie = person("Charlie")
    with pytest.raises(ValidationError, match="This invitation is for bob"):
        invitations.accept(made.invitation, charlie, by(charlie))
    assert not Membership.objects.filter(user=charlie).exists()
    assert Invitation.objects.get().accepted_at is None


def test_a_second_address_counts_and_is_confirmed(alice: House) -> None:
    dora = person("Dora")
    EmailAddress.objects.create(user=dora, email="dora@work.example", verified=False)
    made = invite(alice, "Dora@Work.example")
    invitations.accept(made.invitation, dora, by(dora))
    assert EmailAddress.objects.get(email="dora@work.example").verified


def test_a_new_account_has_a_confirmed_address_and_no_organization_of_its_own(alice: House) -> None:
    made = invite(alice, "Eve@Example.com")
    membership = invitations.open_account(made.invitation, "Eve", PASSWORD, "Europe/Berlin")
    eve = User.objects.get(email="eve@example.com")
    assert (eve.name, eve.time_zone, eve.check_password(PASSWORD)) == ("Eve", "Europe/Berlin", True)
    address = EmailAddress.objects.get(user=eve)
    assert (address.email, address.verified, address.primary) == ("eve@example.com", True, True)
    assert membership.organization == alice.organization
    assert Organization.objects.count() == 1


def test_no_second_account_for_an_address(alice: House) -> None:
    made = invite(alice)
    person("Bob")
    with pytest.raises(ValidationError, match="has this address already"):
        invitations.open_account(made.invitation, "Bob", PASSWORD, "UTC")
    assert Invitation.objects.get().accepted_at is None


def test_it_expires_after_seven_days(alice: House) -> None:
    made = invite(alice)
    assert made.invitation.expires_at - made.invitation.sent_at == timedelta(days=7)
    Invitation.objects.update(expires_at=timezone.now())
    bob = person("Bob")
    with pytest.raises(NotValid, match="expired"):
        invitations.accept(made.invitation, bob, by(bob))
    with pytest.raises(NotValid, match="expired"):
        invitations.open_account(Invitation.objects.get(), "Bob", PASSWORD, "UTC")


def test_sending_again_makes_a_new_link_and_ends_the_old_one(alice: House) -> None:
    made = invite(alice)
    with pytest.raises(ValidationError, match="a moment ago"):
        invitations.resend(made.invitation, alice.actor)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(days=8), expires_at=timezone.now())
    again = invitations.resend(made.invitation, alice.actor)
    assert invitations.find(made.secret) is None
    bob = person("Bob")
    assert invitations.accept(again.invitation, bob, by(bob)).role == Role.DEVELOPER


def test_what_is_withdrawn_does_not_work(alice: House) -> None:
    made = invite(alice)
    invitations.withdraw(made.invitation, alice.actor)
    assert invitations.find(made.secret) is None
    bob = person("Bob")
    with pytest.raises(NotValid, match="withdrawn"):
        invitations.accept(made.invitation, bob, by(bob))


def test_it_is_worth_what_its_sender_may_do(alice: House) -> None:
    bob = alice.member("Bob", Role.OWNER)
    made = invitations.invite(alice.organization, "eve@example.com", Role.OWNER, Actor(bob))
    lesser = invitations.invite(alice.organization, "fay@example.com", Role.VIEWER, Actor(bob))
    members.change_role(Membership.objects.get(user=bob), Role.ADMIN, alice.actor)
    with pytest.raises(NotValid, match="may no longer invite you"):
        invitations.check(made.invitation)
    invitations.check(lesser.invitation)
    members.remove(Membership.objects.get(user=bob), alice.actor)
    with pytest.raises(NotValid, match="may no longer invite you"):
        invitations.open_account(lesser.invitation, "Fay", PASSWORD, "UTC")


@pytest.mark.parametrize("email", ["", "bob", "bob@", "a b@example.com", "bob@example.com\nbcc: x@example.com"])
def test_a_wrong_address_is_refused(alice: House, email: str) -> None:
    with pytest.raises(ValidationError, match="is not an e-mail address"):
        invite(alice, email)


def test_members_and_people_who_are_invited_are_not_invited_again(alice: House) -> None:
    with pytest.raises(ValidationError, match="is a member already"):
        invite(alice, "ALICE@example.com")
    invite(alice)
    with pytest.raises(ValidationError, match="is invited already"):
        invite(alice, "BOB@example.com")
    Invitation.objects.update(expires_at=timezone.now())
    invite(alice)
    assert Invitation.objects.count() == 1


def test_two_organizations_invite_the_same_person(alice: House) -> None:
    dora = house("Dora")
    bob = person("Bob")
    for one in (alice, dora):
        made = invitations.invite(one.organization, "bob@example.com", Role.VIEWER, one.actor)
        invitations.accept(made.invitation, bob, by(bob))
    assert bob.memberships.count() == 2


def test_who_joined_meanwhile_keeps_their_role(alice: House) -> None:
    made = invite(alice, role=Role.VIEWER)
    bob = alice.member("Bob", Role.ADMIN)
    assert invitations.accept(made.invitation, bob, by(bob)).role == Role.ADMIN


def test_invitations_wait_for_the_confirmed_address_and_have_a_most_a_day(
    alice: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfirmed = house("Nora", confirmed=False)
    with pytest.raises(ValidationError, match="Confirm your e-mail address"):
        invitations.invite(unconfirmed.organization, "x@example.com", Role.VIEWER, unconfirmed.actor)
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    for name in ("a", "b"):
        invitations.withdraw(invite(alice, f"{name}@example.com").invitation, alice.actor)
    with pytest.raises(ValidationError, match="at most 2 invitations a day"):
        invite(alice, "c@example.com")


def test_archived_projects_and_those_of_others_are_left_out(alice: House) -> None:
    dora = house("Dora")
    made = invitations.invite(
        alice.organization, "bob@example.com", Role.DEVELOPER, alice.actor, projects=[alice.project, dora.project]
    )
    projects.archive(alice.project, alice.actor)
    bob = person("Bob")
    invitations.accept(made.invitation, bob, by(bob))
    assert not bob.project_memberships.exists()
