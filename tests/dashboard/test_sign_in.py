"""From sign-up to the first key: account, mail, confirmation, password reset, two-factor log-in."""

import re
from datetime import datetime, timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Role
from billing import balances, opening
from tests.dashboard.people_at_work import browser
from tests.people import PASSWORD, house, person

pytestmark = pytest.mark.django_db
ANA = {"name": "Ana Ruiz", "email": "ana@northwind.example", "organization": "Northwind", "password1": PASSWORD}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Rate limits of one test are not those of the next."""
    cache.clear()
    opening.seed_if_empty()


def link_in_mail() -> str:
    """The path of the link in the newest mail."""
    found = re.search(r"https?://[^/\s]+(/\S+)", mail.outbox[-1].body)
    assert found
    return found[1]


def signed_up(**more: str) -> Client:
    client = Client()
    answer = client.post("/accounts/signup/", ANA | more)
    assert answer.status_code == 302
    return client


def test_sign_up_opens_an_organization_with_a_project() -> None:
    client = signed_up(time_zone="Europe/Berlin")
    user = User.objects.get()
    membership = Membership.objects.get(user=user)
    assert (user.email, user.name, user.time_zone) == ("ana@northwind.example", "Ana Ruiz", "Europe/Berlin")
    assert (membership.role, membership.organization.name) == (Role.OWNER, "Northwind")
    assert membership.organization.projects.count() == 1
    assert client.get("/keys/").status_code == 200


def test_name_organization_and_zone_may_be_missing_or_wrong() -> None:
    signed_up(name="", organization="", time_zone="Mars/Olympus")
    user = User.objects.get()
    assert user.time_zone == "UTC"
    assert Membership.objects.get().organization.name


def test_keys_and_credit_wait_for_the_confirmation() -> None:
    client = signed_up()
    organization = Membership.objects.get().organization
    page = client.get("/keys/").content.decode()
    assert "Confirm ana@northwind.example first" in page
    assert "create-key" not in page
    assert balances.balance(organization.pk).available == 0
    path = link_in_mail()
    assert "is the address of your account" in client.get(path).content.decode()
    client.post(path)
    organization.refresh_from_db()
    assert organization.is_confirmed
    assert balances.balance(organization.pk).available == 1_000_000_000
    page = client.get("/keys/").content.decode()
    assert "create-key" in page
    assert "Confirm ana@northwind.example first" not in page


def test_the_confirmation_works_in_another_browser_once() -> None:
    signed_up()
    path = link_in_mail()
    Client().post(path)
    assert EmailAddress.objects.get().verified
    assert "expired or was used already" in Client().get("/accounts/confirm-email/nonsense/").content.decode()


def test_the_link_is_sent_again_on_request() -> None:
    client = signed_up()
    before = len(mail.outbox)
    cache.clear()
    client.post("/accounts/email/", {"email": ANA["email"], "action_send": ""})
    assert len(mail.outbox) == before + 1


def test_a_known_address_makes_no_second_account() -> None:
    person("Ana")
    answer = Client().post("/accounts/signup/", ANA | {"email": "ANA@example.com"})
    assert "An account has this address already." in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["short", "password123", "12345678901", "ana@northwind"])
def test_weak_passwords_are_refused_and_nothing_typed_is_lost(password: str) -> None:
    page = Client().post("/accounts/signup/", ANA | {"password1": password}).content.decode()
    assert "<title>Error: " in page
    assert 'class="errorsummary"' in page
    assert 'href="#id_password1"' in page
    assert 'aria-invalid="true"' in page
    assert 'value="Northwind"' in page
    assert not User.objects.exists()


def test_a_wrong_address_and_a_wrong_password_get_one_answer() -> None:
    person("Ana")
    said = set()
    for login, password in (("ana@example.com", "wrong password"), ("nobody@example.com", PASSWORD)):
        answer = Client().post("/accounts/login/", {"login": login, "password": password})
        said.add(str(answer.context["form"].non_field_errors()[0]))
    assert said == {"The e-mail or the password is wrong."}


def test_too_many_tries_get_a_page_that_says_to_wait() -> None:
    person("Ana")
    for _ in range(5):
        assert Client().post("/accounts/password/reset/", {"email": "ana@example.com"}).status_code == 302
    answer = Client().post("/accounts/password/reset/", {"email": "ana@example.com"})
    assert answer.status_code == 429
    assert "Nothing was changed. Wait a minute" in answer.content.decode()


def test_log_in_and_out() -> None:
    alice = house("Alice")
    client = Client()
    answer = client.post("/accounts/login/?next=/keys/", {"login": "ALICE@example.com", "password": PASSWORD})
    assert answer["location"] in ("/keys/", "/")
    assert client.get("/keys/").status_code == 200
    assert "Log out?" in client.get("/accounts/logout/").content.decode()
    client.post("/accounts/logout/")
    assert client.get("/keys/").status_code == 302
    assert alice.owner.is_active


def test_fields_say_what_password_managers_need_to_know() -> None:
    log_in = Client().get("/accounts/login/").content.decode()
    assert 'autocomplete="username"' in log_in
    assert 'autocomplete="current-password"' in log_in
    assert 'autocomplete="new-password"' in Client().get("/accounts/signup/").content.decode()


def test_a_reset_answers_the_same_for_everybody_and_works_once() -> None:
    person("Ana")
    pages = {
        Client().post("/accounts/password/reset/", {"email": email}, follow=True).content.decode().split("<main")[1]
        for email in ("nobody@example.com", "ana@example.com")
    }
    assert len(pages) == 1
    assert "If that address has an account, a link is on its way." in pages.pop()
    path = link_in_mail()
    client = Client()
    form_path = client.get(path)["location"]
    new = "a new and longer one"
    client.post(form_path, {"password1": new, "password2": new})
    assert User.objects.get().check_password(new)
    assert "expired or was used already" in Client().get(path, follow=True).content.decode()


def test_a_second_address_is_added_confirmed_and_made_primary() -> None:
    client = signed_up()
    client.post(link_in_mail())
    cache.clear()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"email": "ana@home.example", "action_add": "1"})
    page = client.get("/accounts/email/").content.decode()
    assert "Not confirmed" in page
    assert "Remove ana@home.example" in page
    client.post(link_in_mail())
    client.post("/accounts/email/", {"email": "ana@home.example", "action_primary": "1"})
    assert User.objects.get().email == "ana@home.example"


@pytest.mark.parametrize("action", ["action_add", "action_remove", "action_primary"])
def test_changing_addresses_asks_for_the_password_again(action: str) -> None:
    alice = house("Alice")
    EmailAddress.objects.create(user=alice.owner, email=alice.owner.email, verified=True, primary=True)
    email = "other@example.com"
    if action != "action_add":
        EmailAddress.objects.create(user=alice.owner, email=email, verified=True)
    client = browser(alice.owner)
    known = list(EmailAddress.objects.order_by("email").values())
    answer = client.post("/accounts/email/", {"email": email, action: "1"})
    assert answer.status_code == 302 and "/accounts/reauthenticate/" in answer["location"]
    assert list(EmailAddress.objects.order_by("email").values()) == known
    # What was asked for is done once the password is typed.
    client.post(answer["location"], {"password": PASSWORD}, follow=True)
    assert list(EmailAddress.objects.order_by("email").values()) != known


def test_changing_the_password_asks_for_the_present_one() -> None:
    alice = house("Alice")
    client = browser(alice.owner)
    new = {"password1": "a new and longer one", "password2": "a new and longer one"}
    wrong = client.post("/accounts/password/change/", {"oldpassword": "wrong", **new})
    assert "This is not your current password." in wrong.content.decode()
    assert client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new}).status_code == 302
    assert client.get("/keys/").status_code == 200


def code_of(secret: str, at: datetime) -> str:
    """What an authenticator app shows at that moment."""
    return format_hotp_value(hotp_value(secret, int(at.timestamp()) // 30))


def test_two_factor_log_in_asks_for_a_code_or_a_recovery_code() -> None:
    alice = house("Alice")
    EmailAddress.objects.create(user=alice.owner, email=alice.owner.email, verified=True, primary=True)
    client = Client()
    client.post("/accounts/login/", {"login": alice.owner.email, "password": PASSWORD})
    asked = client.get("/accounts/2fa/totp/activate/", follow=True)
    assert "Enter your password to go on." in asked.content.decode()
    page = client.post(asked.redirect_chain[-1][0], {"password": PASSWORD}, follow=True)
    secret = page.context["form"].secret
    assert secret in page.content.decode()
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret, now)}, follow=True)
    codes = answer.context["unused_codes"]
    assert len(codes) == 10
    assert codes[0] in answer.content.decode()
    other = Client()
    asked = other.post("/accounts/login/", {"login": alice.owner.email, "password": PASSWORD}, follow=True)
    assert "Two-factor log-in" in asked.content.decode()
    assert 'autocomplete="one-time-code"' in asked.content.decode()
    assert other.get("/keys/").status_code == 302
    other.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert other.get("/keys/").status_code == 200


def test_a_code_is_taken_around_its_half_minute_and_once() -> None:
    alice = house("Alice")
    secret = generate_totp_secret()
    TOTP.activate(alice.owner, secret)
    shown = timezone.now() + timedelta(days=1)

    def log_in(code: str, after: int) -> bool:
        client = Client()
        with time_machine.travel(shown + timedelta(seconds=after), tick=False):
            client.post("/accounts/login/", {"login": alice.owner.email, "password": PASSWORD})
            client.post("/accounts/2fa/authenticate/", {"code": code})
            return client.get("/keys/").status_code == 200

    code = code_of(secret, shown)
    assert not log_in(code, after=-60)
    assert not log_in(code, after=60)
    assert log_in(code, after=-29)
    # Also after half a minute, when the library has forgotten that it was used.
    assert not log_in(code, after=-28)
    assert not log_in(f"{code[:3]} {code[3:]}", after=5)
    assert not log_in(code, after=29)
    later = code_of(secret, shown + timedelta(seconds=30))
    assert log_in(later, after=59)


def test_the_secret_of_a_second_factor_is_sealed_and_shown_to_no_operator(settings) -> None:  # type: ignore[no-untyped-def]
    alice = house("Alice")
    secret = generate_totp_secret()
    factor = TOTP.activate(alice.owner, secret).instance
    RecoveryCodes.activate(alice.owner)
    assert secret not in str(list(Authenticator.objects.values()))
    operator = User.objects.create_superuser("operator@example.com")
    client = browser(operator)
    place = f"/admin/mfa/authenticator/{factor.pk}"
    for path in ("/admin/mfa/authenticator/", f"{place}/change/"):
        page = client.get(path)
        assert page.status_code == 200
        assert secret not in page.content.decode() and "v1:" not in page.content.decode()
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        code = code_of(secret, timezone.now())
        settings.ENCRYPTION_KEY = "another"
        assert not Authenticator.objects.get(pk=factor.pk).wrap().validate_code(code)
        assert not RecoveryCodes(Authenticator.objects.exclude(pk=factor.pk).get()).validate_code(code)
    assert client.post(f"{place}/delete/", {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.filter(pk=factor.pk).exists()


def test_an_unsealed_secret_of_before_still_works() -> None:
    alice = house("Alice")
    secret = generate_totp_secret()
    factor = Authenticator.objects.create(user=alice.owner, type=Authenticator.Type.TOTP, data={"secret": secret})
    with time_machine.travel(timezone.now(), tick=False):
        assert factor.wrap().validate_code(code_of(secret, timezone.now()))


def test_switching_two_factor_off_is_a_page_of_its_own() -> None:
    alice = house("Alice")
    TOTP.activate(alice.owner, generate_totp_secret())
    client = browser(alice.owner)
    assert "Switch off" in client.get("/accounts/2fa/", follow=True).content.decode()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert "Switch the app off?" in client.get("/accounts/2fa/totp/deactivate/").content.decode()
    assert Authenticator.objects.count() == 1
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
