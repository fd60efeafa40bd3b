"""Take the pictures of docs/screens again: the demo organization, as the README shows it."""

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from benchmarks.demo_console import browsing, chromium, demo_console, session
from tests.running import ROOT

FOLDER = ROOT / "docs" / "screens"
DESK: Any = {"viewport": {"width": 1360, "height": 850}}
TELEPHONE: Any = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
# Name, address, theme and size.
PICTURES: tuple[tuple[str, str, Any, Any], ...] = (
    ("overview", "/", "light", DESK),
    ("usage", "/usage/", "light", DESK),
    ("usage-dark", "/usage/", "dark", DESK),
    ("keys", "/keys/", "light", DESK),
    ("playground", "/playground/", "dark", DESK),
    ("overview-phone", "/", "dark", TELEPHONE),
)
QUESTION = """Explain what a token bucket is, in three short points:

1. A bucket holds at most **N** tokens.
2. Each request takes one; without one it is refused with `429`.
3. Tokens come back at a steady pace.

```python
if bucket.take(1):
    answer(request)
```"""


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demo_console() as server, chromium() as browser:
        cookies = session(server)
        for name, path, theme, size in PICTURES:
            context = browsing(browser, cookies, color_scheme=theme, **size)
            page = context.new_page()
            page.goto(server.url + path, wait_until="networkidle")
            if path == "/playground/":
                _ask(page)
            file = FOLDER / f"{name}.png"
            page.screenshot(path=file)
            context.close()
            print(f"{file.relative_to(ROOT)}: {_kilobytes(file)} KB")
    return 0


def _ask(page: Page) -> None:
    page.fill("#pg-message", QUESTION)
    page.press("#pg-message", "Enter")
    expect(page.locator(".msg-assistant .readout").last).to_be_visible(timeout=180_000)
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false", timeout=180_000)


def _kilobytes(file: Path) -> int:
    return file.stat().st_size // 1000


if __name__ == "__main__":
    sys.exit(main())
