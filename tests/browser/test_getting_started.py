"""A new user: from the confirmed address to the first successful call, with the snippets as they were copied."""

import os
import quopri
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.playground import chromium_running
from tests.running import ROOT, RunningServer
from tests.waiting import LONG

pytestmark = [pytest.mark.browser, pytest.mark.server]
PASSWORD = "correct horse battery"


class Newcomer:
    """A page that counts what its person does."""

    def __init__(self, page: Page, server: RunningServer) -> None:
        self.page = page
        self.server = server
        self.interactions = 0
        self.errors: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def click(self, selector: str) -> None:
        self.interactions += 1
        self.page.click(selector)
        self.page.wait_for_load_state()

    def sign_up(self) -> None:
        self.page.goto(f"{self.server.url}/accounts/signup/")
        for name, value in (("name", "Nina"), ("email", "nina@example.com"), ("password1", PASSWORD)):
            if self.page.locator(f"[name={name}]").count():
                self.page.fill(f"[name={name}]", value)
        with self.page.expect_navigation():
            self.page.click("main button[type=submit]")

    def confirm(self) -> None:
        """Open the link in the mail."""
        mails = [quopri.decodestring(path.read_bytes()).decode() for path in (self.server.data_dir / "mail").iterdir()]
        link = next(found for mail in mails if (found := re.search(r"http\S+confirm-email/\S+", mail)))
        self.page.goto(link[0])
        if self.page.locator("main form button[type=submit]").count():
            with self.page.expect_navigation():
                self.page.click("main form button[type=submit]")

    def copied(self, language: str) -> str:
        """What the button of this example puts into the clipboard."""
        self.click(f"#step-call [data-copy=snippet-{language}]")
        self.page.wait_for_selector("#status:has-text('Copied')", state="attached")
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        assert text == (self.page.locator(f"#snippet-{language}").text_content() or "").strip()
        return text


def run(language: str, code: str, folder: Path, **environment: str) -> str:
    """Save it as it is and run it in a shell."""
    names = {"sh": "hello.sh", "python": "hello.py", "js": "hello.mjs"}
    programs = {"sh": "bash", "python": sys.executable, "js": "node"}
    (folder / names[language]).write_text(code)
    if language == "js":
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    done = subprocess.run(
        ["bash", "-c", f"'{programs[language]}' {names[language]}"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=2 * LONG,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_user_makes_the_first_call(chromium: str, server: RunningServer, tmp_path: Path) -> None:
    with chromium_running(chromium) as browser:
        page = browser.new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
        page.set_default_timeout(100_000)
        nina = Newcomer(page, server)
        nina.sign_up()
        nina.confirm()

        nina.click("nav a[href='/getting-started/']")
        nina.click("#step-key button[type=submit]")
        curl = nina.copied("sh")
        nina.interactions += 1  # pasted into a terminal
        assert "Hello!" in run("sh", curl, tmp_path)
        page.wait_for_selector(".got")
        assert nina.interactions <= 8
        expect(page.locator(".firstcall")).to_contain_text("Got it: deepseek-chat")
        expect(page.locator(".started-progress")).to_contain_text("4 of 6")
        assert page.locator("#secret").count() == 1, "what is shown once must not go away by itself"

        nina.click("#tab-python")
        assert page.is_visible("#snippet-python")
        assert not page.is_visible("#snippet-sh")
        page.keyboard.press("ArrowRight")
        assert page.is_visible("#snippet-js")
        if shutil.which("node") and (ROOT / "node_modules" / "openai").exists():
            assert "Hello!" in run("js", nina.copied("js"), tmp_path)
        nina.click("#tab-python")
        assert "Hello!" in run("python", nina.copied("python"), tmp_path)
        secret = page.inner_text("#secret")
        page.goto(f"{server.url}/getting-started/")
        later = page.locator("#snippet-sh").text_content() or ""
        assert secret not in page.content()
        assert "Hello!" in run("sh", later, tmp_path, METERHOUSE_KEY=secret)
        assert not nina.errors


def test_without_scripts_the_key_and_every_example_are_there(chromium: str, server: RunningServer) -> None:
    first = server.first_start
    with chromium_running(chromium) as browser:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{server.url}/accounts/login/")
        page.fill("[name=login]", first["e-mail"])
        page.fill("[name=password]", first["password"])
        with page.expect_navigation():
            page.click("main button[type=submit]")
        page.goto(f"{server.url}/getting-started/")
        if not page.is_visible("#step-key button[type=submit]"):
            page.click("#step-key > details > summary, #step-key > summary")
            page.click("#step-key .example summary")
        page.click("#step-key button[type=submit]")
        assert page.inner_text("#secret").startswith("sk-")
        for language in ("sh", "python", "js"):
            assert page.is_visible(f"#snippet-{language}")
        assert not page.is_visible("[role=tablist]")


def test_the_search_of_the_documentation_works_by_keyboard(chromium: str, server: RunningServer) -> None:
    with chromium_running(chromium) as browser:
        page = browser.new_context().new_page()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.goto(f"{server.url}/docs/")
        page.focus("#docs-q")
        with page.expect_response(lambda answer: answer.url.endswith("?q=insufficient_quota")):
            page.keyboard.type("insufficient_quota")
        expect(page.locator("#docs-results a strong").first).to_have_text("insufficient_quota")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/docs/errors/#insufficient_quota")
        assert page.is_visible("#insufficient_quota")
        assert all(url.startswith(server.url) for url in sent)
        asked = [url for url in sent if "quota" in url and "#" not in url]
        assert asked and all(url.startswith(f"{server.url}/docs/search.json?") for url in asked)
        page.fill("#docs-q", "zzzz")
        page.wait_for_function("() => document.querySelector('[data-count]').textContent === 'Nothing found.'")
        page.focus("#docs-q")
        page.keyboard.press("Escape")
        expect(page.locator("#docs-results")).to_be_hidden()
