"""What a browser that has never been here downloads for a page."""

import pytest
from playwright.sync_api import Browser

from tests.browser.furnished import Furnished

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(600)]

PAGES = ("/", "/usage/", "/keys/", "/playground/", "/billing/", "/docs/quickstart/", "/accounts/login/")
MOST_BYTES = 250_000
MOST_REQUESTS = 15


@pytest.mark.parametrize("path", PAGES)
def test_a_cold_page_is_light(lived_in: Furnished, browser: Browser, path: str) -> None:
    context = browser.new_context()
    context.add_cookies(lived_in.cookies("" if "accounts" in path else "ana"))
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    sent: dict[str, float] = {}
    devtools.on("Network.loadingFinished", lambda event: sent.update({event["requestId"]: event["encodedDataLength"]}))
    devtools.send("Network.enable")
    page.goto(lived_in.server.url + path, wait_until="networkidle")
    context.close()
    assert sum(sent.values()) <= MOST_BYTES
    assert len(sent) <= MOST_REQUESTS
