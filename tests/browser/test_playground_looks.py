"""The playground at every size: nothing too wide, nothing serious for axe, and no scrolling away from a reader."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.playground import Playground, chromium_running, opened
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
ANSWER = (
    """# A title

A **small** helper with `code` and a [link](https://example.com/):

```python
sleep(float(response.headers.get("Retry-After", 2 ** number)))  # a line that is much wider than any telephone is
```

| Case | Waits | A long column that does not fit | Another long column |
|---|--:|---|---|
| 429 | 12 s | averyveryveryverylongwordwithoutanyspaces | x |

- one
  - two

averyveryverylongwordwithoutanyspaces"""
    + "x" * 300
)
FINDINGS = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const result = await axe.run(document, {runOnly: {type: "tag", values: tags}});
  return result.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => [one.id, one.nodes.map((node) => node.target.join(" "))]);
}"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


def findings(playground: Playground) -> Any:
    return playground.page.evaluate(FINDINGS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious(server: RunningServer, browser: Browser, width: int, scheme: Any) -> None:
    size = {"width": width, "height": 844}
    with opened(browser, server, viewport=size, color_scheme=scheme, reduced_motion="reduce") as playground:
        page = playground.page
        page.evaluate(AXE.read_text())
        assert findings(playground) == []
        playground.ask(ANSWER)
        page.evaluate("document.getElementById('pg-settings').open = true")
        assert findings(playground) == []
        page.locator('.msg-user [data-act="edit"]').click()
        assert findings(playground) == []
        page.keyboard.press("Escape")
        page.click("#pg-show-code")
        expect(page.locator("#pg-code")).to_be_visible()
        assert findings(playground) == []
        page.keyboard.press("Escape")
        page.click("#pg-open-presets")
        page.fill("#pg-preset-name", f"{width} {scheme}")
        page.click("[data-save-preset]")
        expect(page.locator("#pg-presets")).to_contain_text("Saved")
        assert findings(playground) == []
        page.keyboard.press("Escape")
        page.click("#pg-compare")
        page.locator('[data-own="a"]').click()
        page.fill("#pg-message", "Hello")
        page.press("#pg-message", "Enter")
        expect(page.locator("#pg-log .pg-mark, #pg-log-b .pg-mark").first).to_be_attached()
        assert findings(playground) == []
        assert playground.errors == []


@pytest.mark.parametrize("width", [1440, 901, 900, 390, 320])
def test_nothing_is_wider_than_the_window(server: RunningServer, browser: Browser, width: int) -> None:
    with opened(browser, server, viewport={"width": width, "height": 700}) as playground:
        page = playground.page
        playground.ask(ANSWER)
        page.evaluate("document.getElementById('pg-settings').open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("#pg-show-code")
        expect(page.locator("#pg-code")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")
        page.click("#pg-open-presets")
        expect(page.locator("#pg-presets")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")
        page.click("#pg-compare")
        page.locator('[data-own="a"]').click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_it_follows_the_answer_only_for_who_is_at_its_end(server: RunningServer, browser: Browser, width: int) -> None:
    with opened(browser, server, viewport={"width": width, "height": 700}) as playground:
        page = playground.page
        top = "() => document.getElementById('pg-log').scrollTop + document.scrollingElement.scrollTop"
        playground.send("A line of its own.\n\n" * 1000)
        page.wait_for_function("() => document.querySelectorAll('.msg-assistant .md > p').length > 30")
        page.wait_for_function(f"() => ({top})() > 300")
        expect(page.locator("#pg-latest")).to_be_hidden()
        page.evaluate("document.getElementById('pg-log').scrollTop = 0; window.scrollTo({top: 0, behavior: 'instant'})")
        page.wait_for_selector("#pg-latest:not([hidden])", state="attached")
        assert page.evaluate(top) < 50
        page.locator("#pg-latest").click()
        page.wait_for_function(f"() => ({top})() > 300")
        page.keyboard.press("Escape")
        expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")


def test_without_javascript_it_says_how_to_go_on(server: RunningServer, browser: Browser) -> None:
    with opened(browser, server) as playground:
        cookies = playground.context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{server.url}/playground/")
    expect(page.get_by_text("The playground needs JavaScript.")).to_be_visible()
    expect(page.get_by_text("/v1/chat/completions")).to_be_visible()
    expect(page.locator("#pg-app")).to_be_hidden()
    context.close()
