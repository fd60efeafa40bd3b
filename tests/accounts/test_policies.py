"""Who may join an organization: only addresses of its domains, checked when they are invited and when they join."""

import pytest
from django.core.exceptions import ValidationError

from accounts import invitations, policies
from accounts.actor import Actor
from accounts.models import AuditEntry, Membership
from tests.people import PASSWORD, House, house, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


def allow(alice: House, *domains: str) -> None:
    policies.change(alice.organization, alice.actor, domains=list(domains), requires_two_factor=False)
    alice.organization.refresh_from_db()


def invite(alice: House, email: str) -> invitations.Invited:
    return invitations.invite(alice.organization, email, "developer", alice.actor)


def test_an_address_of_another_domain_is_not_invited(alice: House) -> None:
    allow(alice, "@Example.com", "example.com.", "northwind.example")
    assert alice.organization.allowed_domains == ["example.com", "northwind.example"]
    invite(alice, "Bob@EXAMPLE.com")
    for email in ("bob@evil.com", "bob@sub.example.com", "bob@example.com.evil.com", "example.com@evil.com"):
        with pytest.raises(ValidationError, match="Only people with an address of"):
            invite(alice, email)


def test_who_was_invited_before_does_not_join_after(alice: House) -> None:
    made = invite(alice, "bob@elsewhere.com")
    allow(alice, "example.com")
    with pytest.raises(invitations.NotValid):
        invitations.open_account(made.invitation, "Bob", PASSWORD, "UTC")
    bob = person("Bob")
    bob.email = "bob@elsewhere.com"
    bob.save()
    with pytest.raises(invitations.NotValid):
        invitations.accept(made.invitation, bob, Actor(bob))
    assert not Membership.objects.filter(user=bob).exists()


def test_members_stay_and_everybody_may_be_invited_again_without_domains(alice: House) -> None:
    allow(alice, "elsewhere.com")
    assert Membership.objects.filter(user=alice.owner).exists()
    allow(alice)
    invite(alice, "bob@anywhere.org")


def test_a_domain_in_other_letters_is_stored_as_it_is_sent(alice: House) -> None:
    allow(alice, "bücher.example")
    assert alice.organization.allowed_domains == ["xn--bcher-kva.example"]


@pytest.mark.parametrize("email", ["bob@bücher.example", "bob@BÜCHER.example", "bob@xn--bcher-kva.example"])
def test_an_address_in_other_letters_is_of_its_domain(alice: House, email: str) -> None:
    allow(alice, "bücher.example")
    assert policies.takes(alice.organization, email)
    assert not policies.takes(alice.organization, "bob@bucher.example")
    assert not policies.takes(alice.organization, f"bob@{'ü' * 70}.example")


@pytest.mark.parametrize(
    "text", ["example", "a b.com", "*.example.com", "-a.com", "a..com", "1.2.3.4", "x" * 300 + ".com"]
)
def test_what_is_no_domain_is_refused(alice: House, text: str) -> None:
    with pytest.raises(ValidationError, match="is not a domain"):
        allow(alice, "example.com", text)
    assert alice.organization.allowed_domains == []


def test_a_change_is_written_down_once(alice: House) -> None:
    allow(alice, "example.com")
    allow(alice, "example.com")
    entry = AuditEntry.objects.get(action="organization.access_changed")
    assert entry.changes == {"allowed_domains": [[], ["example.com"]]}
