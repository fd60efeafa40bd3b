"""Passkeys in a real browser with a virtual authenticator: added, used for the log-in, as second factor, removed."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.playground import chromium_running
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


def page_with_key(context: BrowserContext) -> Page:
    """A page whose device answers every request for a passkey as if its owner had touched it."""
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def log_out(page: Page, base: str) -> None:
    page.goto(f"{base}/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Log out").click()
    page.wait_for_url("**/accounts/login/")


def test_a_passkey_from_adding_to_removing(context: BrowserContext, server: RunningServer) -> None:
    errors: list[str] = []
    # Browsers know passkeys on HTTPS and on localhost by that name.
    base = f"http://localhost:{urlsplit(server.url).port}"
    first = server.first_start
    page = page_with_key(context)
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"{base}/accounts/login/")
    page.get_by_label("E-mail").fill(first["e-mail"])
    page.get_by_label("Password", exact=True).fill(first["password"])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.goto(f"{base}/settings/security/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password", exact=True).fill(first["password"])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("Laptop <b>")
    page.get_by_role("button", name="Add a passkey").click()

    # Ten recovery codes come with the first factor.
    page.wait_for_url("**/recovery-codes/")
    expect(page.get_by_text("10 of 10 codes are left.")).to_be_visible()
    page.goto(f"{base}/settings/security/")
    expect(page.get_by_text("Laptop <b>", exact=True)).to_be_visible()
    expect(page.get_by_text("Without password")).to_be_visible()

    log_out(page, base)
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(f"{base}/")

    log_out(page, base)
    page.get_by_label("E-mail").fill(first["e-mail"])
    page.get_by_label("Password", exact=True).fill(first["password"])
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Two-factor log-in")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{base}/")

    page.goto(f"{base}/settings/security/")
    page.get_by_role("link", name="Remove Laptop <b>").click()
    page.get_by_label("Password", exact=True).fill(first["password"])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Remove passkey").click()
    page.wait_for_url("**/settings/security/")
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    assert errors == []


def test_a_device_without_passkeys_says_so(context: BrowserContext, server: RunningServer) -> None:
    base = f"http://localhost:{urlsplit(server.url).port}"
    page = context.new_page()
    context.new_cdp_session(page).send("WebAuthn.enable")
    page.add_init_script("delete window.PublicKeyCredential")
    page.goto(f"{base}/accounts/login/")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Passkeys work over HTTPS or on localhost only")
