"""A console with 90 days of usage to look at, and a browser of its owner."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.running import RunningServer

OWNER = "ana@northwind.example"
PASSWORD = "measured in the light of day"


@contextmanager
def demo_console() -> Iterator[RunningServer]:
    """The real server on a fresh database with the demo organization."""
    folder = Path(tempfile.mkdtemp(prefix="demo-console-"))
    server = RunningServer(folder, f"sqlite:///{folder / 'house.sqlite3'}")
    try:
        folder.mkdir(exist_ok=True)
        server.manage("migrate", "--verbosity", "0", timeout=600)
        server.manage("demo_data", "--password", PASSWORD, timeout=600)
        server.manage("collectstatic", "--noinput", "--verbosity", "0", timeout=600)
        server.start(timeout=300)
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("Chromium is not installed on this machine.")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"]
        yield playwright.chromium.launch(executable_path=found, args=flags)


def session(server: RunningServer) -> list[Any]:
    """The cookies of a log-in as the owner."""
    with httpx.Client(base_url=server.url, timeout=120) as http:
        http.get("/accounts/login/")
        form = {"login": OWNER, "password": PASSWORD, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        assert http.post("/accounts/login/", data=form).status_code == 302, "the log-in failed"
        return [{"name": name, "value": http.cookies[name], "url": server.url} for name in ("sessionid", "csrftoken")]


def browsing(browser: Browser, cookies: list[Any], **options: Any) -> BrowserContext:
    """A browser that has never been here, and is logged in."""
    context = browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(180_000)
    context.add_cookies(cookies)
    return context
