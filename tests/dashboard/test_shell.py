"""The frame of every page: rail, organizations, theme, banner, what is said about content, errors."""

import re

import pytest
from django.db import OperationalError
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Membership, Organization
from accounts.roles import Role
from billing import opening
from catalog import providers
from tests.dashboard.people_at_work import browser
from tests.people import House, house, person

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]
PAGES = (
    "/keys/",
    "/models/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/settings/security/",
    "/nothing-here/",
)


@pytest.fixture
def alice() -> House:
    return house("Alice")


def links(page: str) -> set[str]:
    """Where the rail leads."""
    rail = page[page.index('<nav aria-label="Main">') : page.index("</nav>")]
    return set(re.findall(r'href="([^"]+)"', rail))


def test_every_page_has_one_heading_and_a_way_past_the_rail(alice: House) -> None:
    for path in PAGES:
        page = browser(alice.owner).get(path).content.decode()
        assert page.count("<h1") == 1, path
        assert 'class="skip" href="#main"' in page
        assert 'id="main"' in page


def test_no_page_carries_inline_script_or_style(alice: House) -> None:
    for client in (browser(alice.owner), browser(None)):
        for path in (*PAGES, "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/keys/create/"):
            answer = client.get(path, follow=True)
            page = answer.content.decode()
            assert " style=" not in page, path
            assert "<style" not in page, path
            assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", page), path
            assert not re.search(r"\son\w+=", page), path
            assert "unsafe" not in answer["content-security-policy"]


def test_the_rail_offers_what_the_role_may_use(alice: House) -> None:
    everything = {
        "/", "/getting-started/", "/playground/", "/keys/", "/usage/", "/limits/", "/billing/", "/models/",
        "/projects/", "/members/", "/settings/",
    }  # fmt: skip
    seen = {
        role: links(browser(alice.member(role.label, role)).get("/models/").content.decode())
        for role in (Role.ADMIN, Role.DEVELOPER, Role.BILLING, Role.VIEWER)
    }
    assert links(browser(alice.owner).get("/models/").content.decode()) == everything
    assert seen[Role.ADMIN] == everything
    assert seen[Role.DEVELOPER] == everything - {"/billing/"}
    assert seen[Role.BILLING] == everything - {"/keys/", "/playground/"}
    assert seen[Role.VIEWER] == everything - {"/playground/", "/billing/"}


def test_a_viewer_sees_no_balance(alice: House) -> None:
    viewer = alice.member("Vera", Role.VIEWER)
    assert "Balance" in browser(alice.owner).get("/models/").content.decode()
    assert "Balance" not in browser(viewer).get("/models/").content.decode()


def test_a_person_switches_between_organizations(alice: House) -> None:
    other = house("Dora")
    Membership.objects.create(organization=other.organization, user=alice.owner, role=Role.VIEWER)
    client = browser(alice.owner)
    assert client.get("/models/").context["organization"] == alice.organization
    answer = client.post(f"/organizations/{other.organization.public_id}/switch/")
    assert answer.status_code == 302
    assert client.get("/models/").context["organization"] == other.organization


def test_charlie_cannot_switch_to_alices(alice: House) -> None:
    charlie = house("Charlie")
    client = browser(charlie.owner)
    assert client.post(f"/organizations/{alice.organization.public_id}/switch/").status_code == 404
    assert client.get("/models/").context["organization"] == charlie.organization


def test_who_left_the_organization_in_view_falls_back_to_the_own(alice: House) -> None:
    other = house("Dora")
    membership = Membership.objects.create(organization=other.organization, user=alice.owner, role=Role.ADMIN)
    client = browser(alice.owner)
    client.post(f"/organizations/{other.organization.public_id}/switch/")
    membership.delete()
    assert client.get("/models/").context["organization"] == alice.organization


def test_somebody_without_an_organization_opens_one() -> None:
    opening.seed_if_empty()
    client = browser(person("Dan"))
    assert client.get("/keys/")["location"] == "/welcome/"
    assert "Open an organization" in client.get("/welcome/").content.decode()
    client.post("/welcome/", {"name": "Dan’s"})
    assert Organization.objects.get(name="Dan’s").projects.count() == 1
    assert client.get("/keys/").status_code == 200


def test_the_theme_is_a_cookie_that_the_server_reads(alice: House) -> None:
    client = browser(alice.owner)
    assert 'data-theme="system"' in client.get("/models/").content.decode()
    answer = client.post("/theme/dark/", {"next": "/models/"})
    assert answer["location"] == "/models/"
    assert 'data-bs-theme="dark"' in client.get("/models/").content.decode()
    assert client.post("/theme/dark/", {"next": "https://elsewhere.example/"})["location"] == "/"
    client.post("/theme/pink/")
    assert client.cookies["theme"].value == "dark"


def test_the_most_severe_banner_is_shown_alone(alice: House) -> None:
    client = browser(alice.owner)
    organization = alice.organization
    assert client.get("/models/").context["banner"] == ""
    organization.confirmed_at = None
    organization.save()
    assert client.get("/models/").context["banner"] == "unconfirmed"
    organization.suspended_at = timezone.now()
    organization.suspended_reason = "Payment failed."
    organization.save()
    page = client.get("/models/").content.decode()
    assert "This organization is suspended" in page
    assert "ask your operator. Reason: Payment failed." in page
    assert page.count('class="banner"') == 1


def test_it_says_that_content_is_not_stored_and_that_a_demo_answers(alice: House) -> None:
    client = browser(alice.owner)
    page = client.get("/models/").content.decode()
    assert "is not stored anywhere" in page
    assert "the built-in provider answers" not in page
    providers_demo()
    assert "the built-in provider answers" in client.get("/models/").content.decode()
    assert "The built-in demo provider answers here" in browser(None).get("/models/").content.decode()


def providers_demo() -> None:
    """Let the demo provider serve a model."""
    provider = providers.connect(providers.DEMO_NAME, "http://127.0.0.1:9/v1", is_demo=True)
    providers.serve(provider, providers.Serves("deepseek-chat", "deepseek-chat"))


def test_what_is_not_here_keeps_the_shell(alice: House) -> None:
    answer = browser(alice.owner).get("/keys/key_nothing/")
    assert answer.status_code == 404
    assert "belongs to another organization" in answer.content.decode()
    assert browser(None).get("/nothing/").status_code == 404


def _break(*_: object) -> None:
    raise ZeroDivisionError


def _away(*_: object) -> None:
    raise OperationalError("no database")


@pytest.mark.parametrize(("failure", "status"), [(_break, 500), (_away, 503)])
def test_a_failure_is_a_static_page_with_a_reference(
    alice: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: object, status: int
) -> None:
    monkeypatch.setattr("dashboard.views.models.model_rows.rows", failure)
    answer = Client(raise_request_exception=False).get("/models/")
    assert answer.status_code == status
    reference = re.search(r"Reference <code>(\w{5})</code>", answer.content.decode())
    assert reference
    assert reference[1] in caplog.text
    # A script that asked for a part of the page tells it too.
    assert answer["X-Reference"] == reference[1]
    assert "unsafe" not in answer["content-security-policy"]


def test_sign_up_is_offered_only_where_it_is_open() -> None:
    opening.seed_if_empty()
    assert "/accounts/signup/" in browser(None).get("/models/").content.decode()
    with override_settings(SIGNUP_OPEN=False):
        assert "Sign up</a>" not in browser(None).get("/accounts/login/").content.decode()
        assert "by invitation" in browser(None).get("/accounts/signup/").content.decode()


def test_an_address_that_only_takes_forms_says_so(alice):
    answer = browser(alice.owner).get("/limits/test/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "This address only takes what a form sends. Nothing was changed." in answer.content.decode()
    assert "Go to the overview" in answer.content.decode()
