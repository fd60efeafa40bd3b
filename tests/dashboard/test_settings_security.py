"""Settings, Security: second factors, sessions and the record of changes; the log-in's own pages lead here."""

import json

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import AuditEntry, User
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, House, house, person

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Rate limits of one test are not those of the next."""
    cache.clear()


@pytest.fixture
def alice() -> House:
    made = house("Alice")
    EmailAddress.objects.create(user=made.owner, email=made.owner.email, verified=True, primary=True)
    return made


def logged_in(user: User, agent: str = FIREFOX) -> Client:
    """A browser that went through the log-in page."""
    client = Client(headers={"user-agent": agent})
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def events(user: User) -> list[str]:
    return list(AuditEntry.objects.filter(object_id=user.public_id).order_by("pk").values_list("action", flat=True))


def test_allauths_overviews_lead_to_the_page(alice: House) -> None:
    for path in ("/accounts/2fa/", "/accounts/2fa/webauthn/", "/accounts/sessions/"):
        assert browser(alice.owner).get(path)["location"] == "/settings/security/", path


def test_it_shows_every_session_and_ends_one(alice: House) -> None:
    client, phone = logged_in(alice.owner), logged_in(alice.owner, PHONE)
    page = client.get("/settings/security/").content.decode()
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "127.0.0.1" in page
    other = UserSession.objects.get(user_agent=PHONE)
    client.post(f"/settings/security/sessions/{other.pk}/end/")
    assert phone.get("/keys/").status_code == 302
    assert client.get("/keys/").status_code == 200
    assert events(alice.owner) == ["user.sessions_ended"]


def test_everywhere_else_is_ended_at_once(alice: House) -> None:
    client = logged_in(alice.owner)
    others = [logged_in(alice.owner, PHONE) for _ in range(2)]
    page = client.post("/settings/security/sessions/end-others/", follow=True).content.decode()
    assert "Logged out of 2 other sessions." in page
    assert "Log out everywhere else" not in page
    assert {other.get("/keys/").status_code for other in others} == {302}
    assert client.get("/keys/").status_code == 200


def test_nobody_ends_the_session_of_another_or_the_own(alice: House) -> None:
    charlie = person("Charlie")
    victim, client = logged_in(alice.owner), logged_in(charlie)
    theirs = UserSession.objects.get(user=alice.owner)
    own = UserSession.objects.get(user=charlie)
    assert client.post(f"/settings/security/sessions/{theirs.pk}/end/").status_code == 404
    assert client.post(f"/settings/security/sessions/{own.pk}/end/").status_code == 404
    client.post("/settings/security/sessions/end-others/")
    assert victim.get("/keys/").status_code == 200
    assert client.get(f"/settings/security/sessions/{own.pk}/end/").status_code == 405


def test_a_session_from_before_is_remembered_by_its_next_page(alice: House) -> None:
    client = browser(alice.owner)
    assert not UserSession.objects.exists()
    client.get("/models/")
    session = UserSession.objects.get()
    UserSession.objects.update(user_agent="unchanged")
    client.get("/models/")
    assert UserSession.objects.get().user_agent == "unchanged"
    assert session.ip == "127.0.0.1"


def test_a_new_password_ends_other_sessions_is_mailed_and_written_down(alice: House) -> None:
    client, phone = logged_in(alice.owner), logged_in(alice.owner, PHONE)
    new = "a new and longer one"
    answer = client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer["location"] == "/settings/security/"
    assert phone.get("/keys/").status_code == 302
    page = client.get("/settings/security/").content.decode()
    assert "Password changed" in page
    assert events(alice.owner) == ["user.password_changed"]
    assert mail.outbox[-1].to == [alice.owner.email]
    assert mail.outbox[-1].subject == "Your password was changed (Meterhouse)"
    assert "127.0.0.1" in mail.outbox[-1].body


def test_it_says_what_protects_the_account(alice: House) -> None:
    client = browser(alice.owner)
    page = client.get("/settings/security/").content.decode()
    assert "Set up an app" in page
    assert "Recovery codes" not in page
    TOTP.activate(alice.owner, generate_totp_secret())
    RecoveryCodes.activate(alice.owner)
    page = client.get("/settings/security/").content.decode()
    assert "/accounts/2fa/totp/deactivate/" in page
    assert "10 codes are left." in page


def test_passkeys_need_the_password_first_and_the_page_has_their_options(alice: House) -> None:
    client = browser(alice.owner)
    asked = client.get("/accounts/2fa/webauthn/add/", follow=True)
    assert "Enter your password to go on." in asked.content.decode()
    page = client.post(asked.redirect_chain[-1][0], {"password": PASSWORD}, follow=True)
    text = page.content.decode()
    options = json.loads(text.split('id="passkey-options" type="application/json">')[1].split("</script>")[0])
    assert options["creation_options"]["publicKey"]["rp"] == {"id": "testserver", "name": "Meterhouse"}
    assert "/static/js/passkeys" in text
    assert "<noscript>" in text
    wrong = client.post("/accounts/2fa/webauthn/add/", {"name": "Laptop", "credential": ""})
    assert "The browser gave no passkey." in wrong.content.decode()
    assert 'value="Laptop"' in wrong.content.decode()
    forged = client.post("/accounts/2fa/webauthn/add/", {"name": "Laptop", "credential": '{"id": "x"}'})
    assert forged.status_code == 200
    assert not Authenticator.objects.exists()


def test_the_log_in_page_offers_passkeys_to_browsers_with_scripts() -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert "Log in with a passkey" in page
    answer = Client().get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert answer.json()["request_options"]["publicKey"]["rpId"] == "testserver"
    forged = Client().post("/accounts/2fa/webauthn/login/", {"credential": '{"response": {"userHandle": "MQ"}}'})
    assert forged["location"] == "/accounts/login/"


def test_it_needs_no_organization_and_nobody_is_sent_to_the_log_in() -> None:
    dan = browser(person("Dan"))
    for path in ("/settings/", "/settings/security/", "/settings/data/", "/settings/data/export/"):
        assert dan.get(path).status_code == 200, path
        assert browser(None).get(path)["location"].startswith("/accounts/login/?next="), path
