"""From the invitation's form through the mail to the new member, without scripts."""

import re
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Invitation, Membership, Organization, User
from accounts.roles import Role
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Rate limits of one test are not those of the next."""
    cache.clear()


@pytest.fixture
def alice() -> House:
    return house("Alice")


def invite(client: Client, emails: str = "bob@example.com", role: str = "developer", **more: object) -> str:
    """The page after inviting."""
    data = {"emails": emails, "role": role, **more}
    return client.post("/members/invite/", data, follow=True).content.decode()


def link() -> str:
    """The path of the link in the newest mail."""
    found = re.search(r"https?://[^/\s]+(/invitations/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def test_a_new_person_joins_and_is_confirmed(alice: House) -> None:
    client = browser(alice.owner)
    page = invite(client, projects=[alice.project.public_id])
    assert "Invitation sent to bob@example.com." in page
    sent = mail.outbox[-1]
    assert (sent.to, sent.subject) == (["bob@example.com"], "Alice invites you to Alice's")
    path = link()
    assert path.split("/")[2] not in client.get("/members/").content.decode()
    bob = Client()
    assert 'value="bob@example.com"' in bob.get(path).content.decode()
    joined = bob.post(path, {"name": "Bob", "password": PASSWORD, "time_zone": "Asia/Tokyo"}, follow=True)
    assert "Welcome to Alice&#x27;s. Your role is Developer." in joined.content.decode()
    assert bob.get("/keys/").status_code == 200
    assert "Confirm bob@example.com" not in bob.get("/keys/").content.decode()
    user = User.objects.get(email="bob@example.com")
    assert (user.name, user.time_zone) == ("Bob", "Asia/Tokyo")
    assert user.project_memberships.get().project == alice.project
    assert Client().get(path).status_code == 410
    assert client.get("/members/").context["invitations"] == []


def test_it_works_where_sign_up_is_closed(alice: House) -> None:
    invite(browser(alice.owner))
    with override_settings(SIGNUP_OPEN=False):
        assert Client().post(link(), {"password": PASSWORD}).status_code == 302
    assert Membership.objects.filter(user__email="bob@example.com").exists()


def test_who_has_an_account_logs_in_and_joins_in_any_case_of_letters(alice: House) -> None:
    bob = person("Bob")
    invite(browser(alice.owner), "BOB@EXAMPLE.COM", "viewer")
    path = link()
    client = Client()
    page = client.get(path).content.decode()
    assert f'href="/accounts/login/?next={path}"' in page
    assert client.post(path, {"password": PASSWORD}).status_code == 200
    answer = client.post(f"/accounts/login/?next={path}", {"login": "bob@example.com", "password": PASSWORD})
    assert answer["location"] == path
    page = client.get(path).content.decode()
    assert ">Join</button>" in page
    assert "You join with the account bob@example.com." in page
    client.post(path)
    assert Membership.objects.get(user=bob).role == Role.VIEWER
    assert client.get("/models/").context["organization"] == alice.organization


def test_somebody_else_is_told_whose_it_is_and_logs_out(alice: House) -> None:
    invite(browser(alice.owner))
    charlie = house("Charlie").owner
    client = browser(charlie)
    path = link()
    page = client.get(path).content.decode()
    assert "This invitation is for bob@example.com, and you are logged in as charlie@example.com." in page
    assert client.post(path).status_code == 403
    assert not alice.organization.memberships.filter(user=charlie).exists()
    assert client.post("/accounts/logout/", {"next": path})["location"] == path
    assert "Create account and join" in client.get(path).content.decode()


@pytest.mark.parametrize("password", ["short", "password123", "12345678901", "bob@example.com"])
def test_a_weak_password_is_refused_and_the_name_kept(alice: House, password: str) -> None:
    invite(browser(alice.owner))
    answer = Client().post(link(), {"name": "Bob B.", "password": password})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Error: " in page
    assert 'value="Bob B."' in page
    assert not User.objects.filter(email="bob@example.com").exists()


def test_several_are_invited_and_who_cannot_be_is_named(alice: House) -> None:
    page = invite(browser(alice.owner), "bob@example.com, alice@example.com\neve@example.com bob@example.com")
    assert "Invitations sent to bob@example.com, eve@example.com." in page
    assert "alice@example.com is a member already." in page
    assert ">\nalice@example.com</textarea>" in page
    assert [one.to for one in mail.outbox] == [["bob@example.com"], ["eve@example.com"]]


@pytest.mark.parametrize(
    ("emails", "said"),
    [
        ("", "Enter at least one address."),
        ("bob@example.com, nonsense", "“nonsense” is not an e-mail address."),
        (" ".join(f"p{number}@example.com" for number in range(21)), "At most 20 addresses at once."),
    ],
)
def test_wrong_addresses_send_nothing_and_stay(alice: House, emails: str, said: str) -> None:
    page = invite(browser(alice.owner), emails)
    assert said in page
    assert emails in page
    assert not mail.outbox
    assert not Invitation.objects.exists()


def test_sending_again_gives_another_link(alice: House) -> None:
    client = browser(alice.owner)
    invite(client)
    old = link()
    url = f"/members/invitations/{Invitation.objects.get().public_id}/"
    assert "Wait a minute." in client.post(f"{url}resend/", follow=True).content.decode()
    Invitation.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    assert "Sent again to bob@example.com." in client.post(f"{url}resend/", follow=True).content.decode()
    assert link() != old
    assert Client().get(old).status_code == 410
    assert Client().get(link()).status_code == 200
    client.post(f"{url}withdraw/")
    assert Client().get(link()).status_code == 410
    assert not Invitation.objects.exists()


def test_an_expired_link_says_so_and_the_list_too(alice: House) -> None:
    client = browser(alice.owner)
    invite(client)
    Invitation.objects.update(expires_at=timezone.now())
    answer = Client().get(link())
    assert answer.status_code == 410
    assert "This invitation has expired." in answer.content.decode()
    assert "Expired" in client.get("/members/").content.decode()


def test_the_list_says_when_the_sender_may_no_longer_invite(alice: House) -> None:
    bob = alice.member("Bob", Role.ADMIN)
    invite(browser(bob), "eve@example.com")
    client = browser(alice.owner)
    assert "Sender may not invite" not in client.get("/members/").content.decode()
    client.post(f"/members/{bob.public_id}/remove/")
    assert "Sender may not invite" in client.get("/members/").content.decode()
    assert "may no longer invite you" in Client().get(link()).content.decode()
    Invitation.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    client.post(f"/members/invitations/{Invitation.objects.get().public_id}/resend/")
    assert Client().get(link()).status_code == 200


def test_a_mail_server_that_is_away_loses_nothing(alice: House) -> None:
    with patch.object(EmailBackend, "send_messages", side_effect=ConnectionRefusedError):
        page = invite(browser(alice.owner))
    assert "The mail to bob@example.com could not be sent." in page
    assert Invitation.objects.count() == 1


def test_names_in_the_mail_cannot_make_headers(alice: House) -> None:
    Organization.objects.update(name="Evil\nBcc: everybody@example.com")
    invite(browser(alice.owner))
    sent = mail.outbox[-1]
    assert "\n" not in sent.subject
    assert sent.bcc == []
    assert "bcc" not in {name.lower() for name in sent.message()}


def test_the_page_of_a_link_is_not_cached_and_says_nothing_to_guessers(alice: House) -> None:
    invite(browser(alice.owner))
    assert "no-store" in Client().get(link())["cache-control"]
    answer = Client().get("/invitations/nonsense/")
    assert answer.status_code == 410
    assert "Alice" not in answer.content.decode()
