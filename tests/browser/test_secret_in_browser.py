"""A browser keeps nothing of a secret that it has shown: not in its stores, not on its disk, not behind Back."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect, sync_playwright

from tests.dashboard.console import operator
from tests.running import RunningServer
from tests.waiting import LONG

pytestmark = [pytest.mark.server, pytest.mark.browser]
STORES = """async () => {
  const kept = {local: {...localStorage}, session: {...sessionStorage}, history: history.state, name: window.name};
  kept.databases = (await indexedDB.databases()).map((one) => one.name);
  kept.caches = self.caches ? await caches.keys() : [];
  kept.cookies = document.cookie;
  kept.address = location.href;
  return kept;
}"""


class Window:
    """A browser with a profile on the disk, in which the operator is logged in."""

    def __init__(self, context: BrowserContext, server: RunningServer) -> None:
        self.context = context
        self.server = server
        self.cookies = operator(server).http.cookies
        context.set_default_timeout(1000 * LONG)
        names = ("sessionid", "csrftoken")
        context.add_cookies([{"name": name, "value": self.cookies[name], "url": server.url} for name in names])
        self.page: Page = context.new_page()

    def go(self, path: str) -> None:
        self.page.goto(f"{self.server.url}{path}")

    def stores(self) -> str:
        kept: dict[str, Any] = self.page.evaluate(STORES)
        return json.dumps(kept)

    def names(self) -> list[str]:
        """The names of the keys, as a script sees them."""
        found = self.context.request.get(f"{self.server.url}/api/v1/keys").json()
        return [key["name"] for key in found["data"]]


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "profile"


@pytest.fixture
def window(chromium: str, server: RunningServer, profile: Path) -> Iterator[Window]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield Window(context, server)
        finally:
            context.close()


def on_disk(profile: Path, text: str) -> list[str]:
    """The files of the profile that hold the text, in one byte or in two bytes a character."""
    spellings = (text.encode(), text.encode("utf-16-le"))
    found = (path for path in profile.rglob("*") if path.is_file() and not path.is_symlink())
    return [path.name for path in found if any(spelling in path.read_bytes() for spelling in spellings)]


def make_key(window: Window, name: str, clicks: int = 1) -> str:
    """Create one by the page's own form; its secret as shown."""
    window.go("/keys/create/")
    window.page.fill("main [name=name]", name)
    window.page.click("main form button[type=submit]", click_count=clicks)
    window.page.wait_for_selector("#secret")
    return window.page.inner_text("#secret").strip()


def go_back(page: Page) -> None:
    """To the answer with the secret, which a browser that stored nothing cannot show."""
    with contextlib.suppress(Error):
        page.go_back()
    # What it shows instead may still be on its way.
    page.wait_for_load_state()
    page.wait_for_timeout(500)


def test_nothing_of_it_stays(window: Window, profile: Path) -> None:
    page = window.page
    secret = make_key(window, "kept nowhere")
    assert secret.startswith("sk-")
    assert secret not in window.stores()
    page.check("[data-saved]")
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/keys/")
    assert secret not in page.content()
    assert secret not in window.stores()
    go_back(page)
    assert secret not in page.content()
    window.go("/keys/?q=kept+nowhere")
    assert secret not in page.content()
    assert window.names().count("kept nowhere") == 1
    window.context.close()
    # The search does find what a browser keeps: the address of the page after it.
    assert on_disk(profile, "q=kept+nowhere")
    assert on_disk(profile, secret) == []


def test_a_reload_shows_no_secret_and_makes_no_key(window: Window) -> None:
    secret = make_key(window, "reloaded in a browser")
    window.page.reload()
    expect(window.page.get_by_text("Key created. The secret was shown once.")).to_be_visible()
    assert secret not in window.page.content()
    assert window.names().count("reloaded in a browser") == 1


@pytest.mark.parametrize("clicks", [2, 3])
def test_a_double_click_makes_one_key_and_shows_its_secret(window: Window, clicks: int) -> None:
    name = f"clicked {clicks} times"
    secret = make_key(window, name, clicks)
    assert secret.startswith("sk-")
    assert window.names().count(name) == 1


def test_a_new_secret_of_an_old_key_stays_nowhere_either(window: Window, profile: Path) -> None:
    page = window.page
    make_key(window, "regenerated in a browser")
    window.go("/keys/?q=regenerated+in+a+browser")
    page.locator("a[href$='/regenerate/']").first.click()
    page.locator("form[action$='/regenerate/'] button[type=submit]").click()
    page.wait_for_selector("#secret")
    secret = page.inner_text("#secret").strip()
    assert secret not in window.stores()
    page.reload()
    assert secret not in page.content()
    go_back(page)
    assert secret not in page.content()
    window.context.close()
    assert on_disk(profile, secret) == []
