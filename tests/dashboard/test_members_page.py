"""Members: what the page shows, and what the buttons do, without scripts."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.utils import timezone

from accounts import keys
from accounts.actor import Actor
from accounts.models import Membership, User
from accounts.roles import Role
from tests.dashboard.metered import record, request_of
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def alice() -> House:
    return house("Alice")


def role_of(user: User) -> str:
    return Membership.objects.get(user=user).role


def test_the_list_says_who_may_do_what(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    TOTP.activate(bob, generate_totp_secret())
    own = keys.create(alice.project, "bobs", Actor(bob), owner=bob).api_key
    shared, _ = alice.key("shared")
    at = timezone.now()
    record(request_of(own, at, charge=1_500_000_000), request_of(shared, at, charge=7_000_000_000))
    owner, developer = browser(alice.owner).get("/members/").context["rows"]
    assert (owner.projects, owner.has_second_factor, owner.spent, owner.is_last_owner) == (None, False, 0, True)
    assert developer.projects == ["Default"]
    assert developer.has_second_factor
    assert developer.spent == 1_500_000_000
    assert developer.may_change


def test_the_list_takes_a_fixed_number_of_queries(alice: House, django_assert_max_num_queries: object) -> None:
    for number in range(10):
        alice.member(f"Member{number}", Role.DEVELOPER)
    client = browser(alice.owner)
    client.get("/members/")
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        client.get("/members/")


def test_who_is_alone_is_asked_to_invite_someone(alice: House) -> None:
    client = browser(alice.owner)
    page = client.get("/members/").content.decode()
    assert "Only you so far." in page
    assert "Only owner" in page
    alice.member("Bob", Role.VIEWER)
    assert "Only you so far." not in client.get("/members/").content.decode()


def test_hostile_names_are_text(alice: House) -> None:
    bob = alice.member("Bob", Role.VIEWER)
    User.objects.filter(pk=bob.pk).update(name='"><img src=x onerror=alert(1)>')
    client = browser(alice.owner)
    for path in ("/members/", f"/members/{bob.public_id}/role/", f"/members/{bob.public_id}/remove/"):
        assert "<img" not in client.get(path).content.decode(), path


def test_a_role_is_changed_and_says_what_stopped(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    keys.create(alice.project, "bobs", Actor(bob), owner=bob)
    client = browser(alice.owner)
    asked = client.get(f"/members/{bob.public_id}/role/").content.decode()
    assert "1 key of their own stops." in asked
    page = client.post(f"/members/{bob.public_id}/role/", {"role": "viewer"}, follow=True).content.decode()
    assert "Bob is Viewer now. 1 key was revoked." in page
    assert role_of(bob) == Role.VIEWER
    wrong = client.post(f"/members/{bob.public_id}/role/", {"role": "emperor"})
    assert wrong.status_code == 422
    assert "<title>Error: " in wrong.content.decode()


def test_removing_says_what_stops_and_what_keeps_working(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    keys.create(alice.project, "bobs", Actor(bob), owner=bob)
    keys.create(alice.project, "shared", Actor(bob))
    client = browser(alice.owner)
    asked = client.get(f"/members/{bob.public_id}/remove/").content.decode()
    assert "1 own key is revoked" in asked
    assert "1 project key keeps working" in asked
    page = client.post(f"/members/{bob.public_id}/remove/", follow=True).content.decode()
    assert "Bob is no longer a member. 1 key was revoked." in page
    assert browser(bob).get("/keys/")["location"] == "/welcome/"


def test_the_last_owner_can_neither_leave_nor_be_demoted(alice: House) -> None:
    alice.member("Bob", Role.ADMIN)
    client = browser(alice.owner)
    assert "/members/leave/" not in client.get("/members/").content.decode()
    assert "Make someone else an owner first." in client.get("/members/leave/").content.decode()
    for path, data in (("leave/", {}), (f"{alice.owner.public_id}/role/", {"role": "viewer"})):
        answer = client.post(f"/members/{path}", data)
        assert answer.status_code == 403, path
        assert "Make someone else an owner first." in answer.content.decode()
    assert client.post(f"/members/{alice.owner.public_id}/remove/").status_code == 302
    assert role_of(alice.owner) == Role.OWNER


def test_a_member_leaves_and_looks_at_the_own_organization_again(alice: House) -> None:
    dora = house("Dora")
    Membership.objects.create(organization=alice.organization, user=dora.owner, role=Role.VIEWER)
    client = browser(dora.owner)
    client.post(f"/organizations/{alice.organization.public_id}/switch/")
    page = client.post("/members/leave/", follow=True).content.decode()
    assert "You left Alice&#x27;s." in page
    assert [one.organization for one in dora.owner.memberships.all()] == [dora.organization]


def test_handing_over_asks_for_the_password_first(alice: House) -> None:
    bob = alice.member("Bob", Role.DEVELOPER)
    client = browser(alice.owner)
    asked = client.get("/members/transfer/", follow=True)
    assert "Enter your password to go on." in asked.content.decode()
    assert client.post("/members/transfer/", {"member": bob.public_id})["location"].startswith("/accounts/reauth")
    assert role_of(bob) == Role.DEVELOPER
    client.post("/accounts/reauthenticate/?next=/members/transfer/", {"password": PASSWORD})
    page = client.post("/members/transfer/", {"member": bob.public_id}, follow=True).content.decode()
    assert "you are an admin" in page
    assert (role_of(alice.owner), role_of(bob)) == (Role.ADMIN, Role.OWNER)
