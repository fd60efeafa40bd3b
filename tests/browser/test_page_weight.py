"""What a browser that has never been here downloads for a page, as the house serves it once its files are collected."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.dashboard.console import operator
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(600)]

PAGES = (
    "/",
    "/usage/",
    "/usage/requests/",
    "/keys/",
    "/limits/",
    "/billing/",
    "/members/",
    "/settings/",
    "/models/",
    "/docs/quickstart/",
)
MOST_BYTES = 250_000
MOST_REQUESTS = 15


@pytest.fixture(scope="module")
def collected(server: RunningServer) -> RunningServer:
    """Compressed files under hashed names."""
    server.manage("collectstatic", "--noinput", "--verbosity", "0", timeout=500)
    server.stop()
    return server.start(timeout=240)


@pytest.fixture(scope="module")
def cookie(collected: RunningServer) -> Any:
    """The operator's session."""
    return {"name": "sessionid", "value": operator(collected).http.cookies["sessionid"], "url": collected.url}


@pytest.mark.parametrize("path", [*PAGES, "/playground/"])
def test_a_cold_page_is_light(collected: RunningServer, cookie: Any, browser: Browser, path: str) -> None:
    context = browser.new_context()
    context.set_default_timeout(90_000)
    context.add_cookies([cookie])
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    sent: dict[str, float] = {}
    asked: dict[str, str] = {}
    devtools.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    devtools.on("Network.loadingFinished", lambda event: sent.update({event["requestId"]: event["encodedDataLength"]}))
    devtools.send("Network.enable")
    page.goto(collected.url + path, wait_until="networkidle")
    context.close()
    # What the style sheet holds itself is no request.
    requests = [url for url in asked.values() if not url.startswith("data:")]
    print(path, round(sum(sent.values()) / 1000), "KB", len(requests), "requests")
    assert sum(sent.values()) <= MOST_BYTES
    assert len(requests) <= MOST_REQUESTS
