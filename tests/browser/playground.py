"""The playground in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, sync_playwright

from tests.dashboard.console import operator
from tests.running import RunningServer
from tests.waiting import LONG


class Playground:
    """The page of one person; records whatever must not happen."""

    def __init__(self, context: BrowserContext, server: RunningServer) -> None:
        self.server = server
        self.context = context
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.dialogs: list[str] = []
        self.failed: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("requestfailed", lambda request: self.failed.append(f"{request.url} {request.failure}"))
        self.page.on("request", self._request)
        self.page.on("dialog", self._dialog)
        self.open()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.server.url).netloc:
            self.foreign.append(request.url)

    def _dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self) -> None:
        self.page.goto(f"{self.server.url}/playground/")
        self.page.wait_for_selector("#pg-app:not([hidden])")

    def send(self, text: str) -> None:
        """Write and press Enter."""
        self.page.fill("#pg-message", text)
        self.page.press("#pg-message", "Enter")

    def ask(self, text: str) -> None:
        """Send and wait until the answer is finished and its cost is known."""
        answers = self.page.locator(".msg-assistant").count()
        self.send(text)
        self.page.wait_for_function(
            "n => document.querySelectorAll('.msg-assistant').length > n"
            " && document.getElementById('pg-log').getAttribute('aria-busy') === 'false'",
            arg=answers,
        )

    def text(self, selector: str) -> str:
        return self.page.locator(selector).last.inner_text()

    def figures(self) -> dict[str, Any]:
        """The last readout: the exact cost, the shown one, the request id and the text."""
        readout = self.page.locator(".msg-assistant .readout").last
        cost = readout.locator("span[title]")
        return {
            "exact": cost.get_attribute("title"),
            "cost": cost.locator("b").inner_text(),
            "request_id": readout.locator(".reqid code").inner_text(),
            "text": readout.inner_text(),
        }


@contextmanager
def chromium_running(path: str) -> Iterator[Browser]:
    """The system's Chromium, for the tests of one file: while it runs this thread cannot use the database."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, server: RunningServer, **options: Any) -> Iterator[Playground]:
    """The operator's playground."""
    cookies = operator(server).http.cookies
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(1000 * LONG)
    context.add_cookies(
        [{"name": name, "value": cookies[name], "url": server.url} for name in ("sessionid", "csrftoken")]
    )
    try:
        yield Playground(context, server)
    finally:
        context.close()
