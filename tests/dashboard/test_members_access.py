"""Who sees and changes which member: Alice owns, Bob is in her team, Charlie must see nothing."""

import pytest
from django.test import Client

from accounts import invitations
from accounts.models import Invitation, Membership, User
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house("Alice")


@pytest.fixture
def invitation(alice: House) -> Invitation:
    return invitations.invite(alice.organization, "eve@example.com", Role.ADMIN, alice.actor).invitation


def posts(client: Client, other: User, invitation: Invitation) -> set[int]:
    """What every verb about somebody else answers."""
    paths = (
        f"{other.public_id}/role/",
        f"{other.public_id}/remove/",
        f"invitations/{invitation.public_id}/resend/",
        f"invitations/{invitation.public_id}/withdraw/",
    )
    return {client.post(f"/members/{path}", {"role": "viewer"}).status_code for path in paths}


def unchanged(alice: House, count: int) -> bool:
    found = alice.organization.memberships
    return found.count() == count and Invitation.objects.filter(role=Role.ADMIN, accepted_at=None).count() == 1


def test_charlie_finds_nobody_and_changes_nothing(alice: House, invitation: Invitation) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    client = browser(house("Charlie").owner)
    page = client.get("/members/").content.decode()
    assert "bob@example.com" not in page
    assert "eve@example.com" not in page
    assert client.get(f"/members/{bob.public_id}/role/").status_code == 404
    assert posts(client, bob, invitation) == {404}
    assert unchanged(alice, 2)


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_other_roles_see_names_and_change_nobody(alice: House, invitation: Invitation, role: Role) -> None:
    dan = alice.member("Dan", Role.VIEWER)
    client = browser(alice.member("Bob", role))
    page = client.get("/members/").content.decode()
    assert "dan@example.com" in page
    assert "eve@example.com" not in page
    for hidden in ("/role/", "/remove/", "/members/invite/", "/members/transfer/", "Two-factor log-in</th>"):
        assert hidden not in page, hidden
    assert "/members/leave/" in page
    assert ("Projects</th>" in page) == (role != Role.DEVELOPER)
    assert posts(client, dan, invitation) == {403}
    data = {"emails": "x@example.com", "role": "viewer"}
    assert client.post("/members/invite/", data).status_code == 403
    assert client.post("/members/transfer/", {"member": dan.public_id}).status_code == 403
    assert unchanged(alice, 3)


def test_an_admin_manages_everybody_but_owners(alice: House, invitation: Invitation) -> None:
    dan = alice.member("Dan", Role.VIEWER)
    client = browser(alice.member("Bob", Role.ADMIN))
    page = client.get("/members/").content.decode()
    assert f"/members/{dan.public_id}/role/" in page
    assert f"/members/{alice.owner.public_id}/" not in page
    assert "/members/transfer/" not in page
    for verb in ("role", "remove"):
        assert client.post(f"/members/{alice.owner.public_id}/{verb}/", {"role": "viewer"}).status_code == 403
    assert client.post(f"/members/{dan.public_id}/role/", {"role": "owner"}).status_code == 403
    assert client.post("/members/invite/", {"emails": "x@example.com", "role": "owner"}).status_code == 403
    assert client.post("/members/transfer/", {"member": dan.public_id}).status_code == 403
    assert 'value="owner"' not in page
    assert unchanged(alice, 3)
    assert client.post(f"/members/{dan.public_id}/role/", {"role": "billing"}).status_code == 302


def test_an_invited_owner_is_the_owners_matter(alice: House) -> None:
    made = invitations.invite(alice.organization, "eve@example.com", Role.OWNER, alice.actor).invitation
    client = browser(alice.member("Bob", Role.ADMIN))
    assert made.public_id not in client.get("/members/").content.decode()
    for verb in ("resend", "withdraw"):
        assert client.post(f"/members/invitations/{made.public_id}/{verb}/").status_code == 403
    assert Invitation.objects.count() == 1


def test_nobody_is_sent_to_the_log_in(alice: House) -> None:
    for path in ("/members/", "/members/invite/", "/members/leave/", f"/members/{alice.owner.public_id}/role/"):
        assert browser(None).get(path)["location"].startswith("/accounts/login/?next="), path


def test_verbs_need_the_form_of_the_page(alice: House, invitation: Invitation) -> None:
    bob = alice.member("Bob", Role.VIEWER)
    strict = browser(alice.owner, enforce_csrf_checks=True)
    assert posts(strict, bob, invitation) == {403}
    assert browser(alice.owner).get(f"/members/invitations/{invitation.public_id}/withdraw/").status_code == 405
    assert Membership.objects.filter(user=bob).exists()
