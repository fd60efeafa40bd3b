"""A browser that visits pages as one person and notes what must not happen."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from tests.browser.furnished import Furnished

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# A folder for pictures of everything that is looked at; see docs/development.md.
PICTURES = os.environ.get("PICTURES", "")
# On every answer, in any order.
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip
_numbers = itertools.count(1)

# Violations are told as events, before any script of the page runs.
_LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
_AXE = """async ([tags, rules]) => {
  const only = rules.length ? {type: "rule", values: rules} : {type: "tag", values: tags};
  const more = rules.length ? {} : {rules: {"target-size": {enabled: true}}};
  const result = await axe.run(document, {runOnly: only, resultTypes: ["violations"], preload: false, ...more});
  return result.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} ${node.failureSummary}`));
}"""
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What sticks out to the right, unless something around it scrolls or clips.
_TOO_WIDE = """() => {
  const root = document.documentElement, width = root.clientWidth;
  if (root.scrollWidth <= width) return [];
  const kept = (one) => { for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
    if (getComputedStyle(up).overflowX !== "visible") return true; return false; };
  const wide = [...document.body.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > width + 1 && !kept(one))
    .map((one) => `${one.tagName.toLowerCase()}#${one.id}.${one.className} ${one.textContent.trim().slice(0, 30)}`);
  return [`${root.scrollWidth} > ${width}`, ...wide.slice(0, 6)];
}"""
# Every control in the order of the page: whether its focus is drawn and can be seen. Comes after a real Tab, so that
# the browser draws focus as it does for the keyboard.
_FOCUS = """(most) => {
  const asks = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const wrong = [];
  const within = document.querySelector("dialog[open]") || document;
  const shown = [...within.querySelectorAll(asks)].filter((one) => !one.disabled
    && !one.closest("[inert]") && one.checkVisibility({visibilityProperty: true}));
  for (const one of shown.slice(0, most)) {
    one.focus();
    if (document.activeElement !== one) continue;
    const style = getComputedStyle(one), around = one.parentElement.closest(".composer");
    const drawn = [style, around && getComputedStyle(around)].some((drawing) => drawing
      && ((drawing.outlineStyle !== "none" && parseFloat(drawing.outlineWidth) >= 2)));
    const box = one.getClientRects()[0];
    const seen = (top) => top && (one.contains(top) || top.contains(one)
      || (one.labels && [...one.labels].some((label) => label.contains(top))));
    // A wide thing may be seen in part: its middle, else its beginning.
    const places = box ? [[box.left + box.width / 2, box.top + box.height / 2], [box.left + 4, box.top + 4]] : [];
    const top = places.length ? document.elementFromPoint(...places[0]) : null;
    const name = `${one.tagName.toLowerCase()}#${one.id} ${one.getAttribute("aria-label") || one.textContent.trim()}`;
    if (!drawn) wrong.push(`${name.slice(0, 60)}: not drawn`);
    else if (!places.some((place) => seen(document.elementFromPoint(...place))))
      wrong.push(`${name.slice(0, 60)}: covered by ${top && top.outerHTML.slice(0, 80)}`);
  }
  return wrong;
}"""


class People:
    """The browsers of everybody; each goes from page to page in one tab, with the files that it has seen."""

    def __init__(self, browser: Browser, house: Furnished, **options: Any) -> None:
        self.house = house
        self._browser = browser
        self._options = options
        self._tabs: dict[str, Page] = {}

    def _tab(self, who: str) -> Page:
        if who not in self._tabs:
            context = self._browser.new_context(reduced_motion="reduce", **self._options)
            context.set_default_timeout(90_000)
            context.add_init_script(_LISTEN)
            self._tabs[who] = context.new_page()
        context = self._tabs[who].context
        context.clear_cookies()
        context.add_cookies(self.house.cookies(who))
        return self._tabs[who]

    @contextmanager
    def visit(self, who: str) -> Iterator["Visit"]:
        """From the sight of a page to the last look at it."""
        visit = Visit(self._tab(who), self.house)
        try:
            yield visit
        finally:
            visit.leave()


class Visit:
    """One visit of a page, and what went wrong on it so far."""

    def __init__(self, page: Page, house: Furnished) -> None:
        self.house = house
        self.page = page
        self.wrong: list[str] = []
        self.responses: list[Response] = []
        self._listens: dict[Any, Callable[[Any], None]] = {
            "pageerror": lambda error: self.wrong.append(f"exception: {error}"),
            "console": self._console,
            "requestfailed": self._failed,
            "request": self._request,
            "response": self._response,
        }
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        for event, listener in self._listens.items():
            page.on(event, listener)

    def leave(self) -> None:
        """Take note of nothing any more."""
        for event, listener in self._listens.items():
            self.page.remove_listener(event, listener)

    def _console(self, message: ConsoleMessage) -> None:
        # The status of the document itself is asserted where it is known.
        if message.type == "error" and message.location.get("url") != self.page.url:
            self.wrong.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        # A page that asks for itself again is left while it does.
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"failed: {request.url} {request.failure}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.house.server.url).netloc:
            self.wrong.append(f"foreign: {request.url}")

    def _response(self, response: Response) -> None:
        self.responses.append(response)
        if response.status >= 400 and not response.request.is_navigation_request():
            self.wrong.append(f"failed: {response.url} {response.status}")

    def open(self, path: str, steps: tuple[str, ...] = ()) -> int:
        """Load a page and do what is to be done first; the status of the last answer."""
        answer = self.page.goto(self.house.server.url + self.house.path(path), wait_until="load")
        assert answer is not None
        for step in steps:
            verb, _, rest = step.partition(" ")
            selector, _, text = rest.rpartition("=") if verb == "fill" else (rest, "", "")
            if verb == "wait":
                self.page.locator(selector).first.wait_for()
            elif verb == "fill":
                self.page.locator(selector).first.fill(text.replace("{number}", str(next(_numbers))))
            else:
                self.page.locator(selector).first.click()
        if steps:
            self.page.wait_for_load_state()
        self._settle()
        return [one.status for one in self.responses if one.request.is_navigation_request()][-1]

    @property
    def path(self) -> str:
        """Where the browser is now."""
        return urlsplit(self.page.url).path

    def _settle(self) -> None:
        """Two frames: what scripts draw at the start is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900 if width > 900 else 844})
        self._settle()

    def theme(self, scheme: Any) -> None:
        self.page.emulate_media(color_scheme=scheme)
        self._settle()

    def too_wide(self) -> list[str]:
        found: list[str] = self.page.evaluate(_TOO_WIDE)
        return found

    def serious(self, *rules: str) -> list[str]:
        """What axe finds serious or critical: by all rules, or by these alone."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text())
        # From the top: where it was scrolled to before, the bar that stays may touch anything.
        self.page.evaluate("() => window.scrollTo(0, 0)")
        found: list[str] = self.page.evaluate(_AXE, [_TAGS, list(rules)])
        return found

    def violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("() => window.violations")
        return found

    def other_policies(self) -> list[str]:
        """Answers of this visit without the policy, or with another one."""
        answers = [one for one in self.responses if one.url.startswith("http")]
        said = {one.url: one.headers.get("content-security-policy", "") for one in answers}
        return [f"{url}: {policy}" for url, policy in said.items() if set(policy.split("; ")) != POLICY]

    def unseen_focus(self, most: int) -> list[str]:
        """Of the first controls of the page, those whose focus cannot be seen."""
        self.page.keyboard.press("Tab")
        found: list[str] = self.page.evaluate(_FOCUS, most)
        return found

    def picture(self, name: str, *, whole: bool = True) -> None:
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.evaluate(
                "() => { document.activeElement.blur(); window.scrollTo(0, 0); }" if whole else "() => {}"
            )
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=whole)
