#!/usr/bin/env python
"""What a page weighs and how soon it is painted, in a browser that has never been here.

    benchmarks/paint.py [--rounds 3] [--save NAME]

On the demo organization with 90 days of usage, at the sizes of a desk and a telephone: compressed bytes, requests,
cumulative layout shift, largest contentful paint; medians of the rounds. The exit status is 0 when no page is above
250 KB, 15 requests, 0.02 and 1.5 s.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)
    # Settings are read for what the tests know; the server has its own.
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["DATA_DIR"] = tempfile.mkdtemp()

import django  # noqa: E402

if __name__ == "__main__":
    django.setup()

from playwright.sync_api import Browser  # noqa: E402

from benchmarks import machine  # noqa: E402
from benchmarks.demo_console import browsing, chromium, demo_console, session  # noqa: E402
from tests.running import RunningServer  # noqa: E402

PAGES = ("/", "/usage/", "/usage/requests/", "/keys/", "/limits/", "/billing/", "/models/", "/playground/", "/docs/")
SIZES = ((1440, 900), (390, 844))
MOST = {"KB": 250.0, "requests": 15.0, "CLS": 0.02, "LCP ms": 1500.0}
_OBSERVE = """
window.seen = {shift: 0, paint: 0};
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  if (!one.hadRecentInput) window.seen.shift += one.value;
})).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.seen.paint = one.startTime; }))
  .observe({type: "largest-contentful-paint", buffered: true});
"""


def main() -> int:
    options = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--save", default="", help="also write the result to benchmarks/results/NAME.txt")
    asked = options.parse_args()
    lines = [machine.describe(), f"{asked.rounds} rounds, cold cache; medians", _line("page", "width", *MOST)]
    over = 0
    with demo_console() as server, chromium() as browser:
        cookies = session(server)
        for path in PAGES:
            for size in SIZES:
                rounds = [measure(browser, server, cookies, path, size) for _ in range(asked.rounds)]
                found = {name: statistics.median(one[name] for one in rounds) for name in MOST}
                over += any(found[name] > most for name, most in MOST.items())
                lines.append(_line(path, str(size[0]), *(_figure(name, value) for name, value in found.items())))
    print("\n".join(lines))
    if asked.save:
        (ROOT / "benchmarks" / "results" / f"{asked.save}.txt").write_text("\n".join(lines) + "\n")
    return 1 if over else 0


def measure(
    browser: Browser, server: RunningServer, cookies: list[Any], path: str, size: tuple[int, int]
) -> dict[str, float]:
    """One cold visit."""
    context = browsing(browser, cookies, viewport={"width": size[0], "height": size[1]})
    context.add_init_script(_OBSERVE)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    sent: dict[str, float] = {}
    asked: dict[str, str] = {}
    devtools.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    devtools.on("Network.loadingFinished", lambda event: sent.update({event["requestId"]: event["encodedDataLength"]}))
    devtools.send("Network.enable")
    page.goto(server.url + path, wait_until="networkidle")
    seen = page.evaluate("() => window.seen")
    context.close()
    # What a style sheet holds itself is no request.
    requests = [url for url in asked.values() if not url.startswith("data:")]
    return {
        "KB": sum(sent.values()) / 1000, "requests": len(requests), "CLS": seen["shift"], "LCP ms": seen["paint"],
    }  # fmt: skip


def _figure(name: str, value: float) -> str:
    return f"{value:.3f}" if name == "CLS" else f"{value:.0f}"


def _line(*cells: str) -> str:
    first, *others = cells
    return first.ljust(18) + "".join(cell.rjust(10) for cell in others)


if __name__ == "__main__":
    sys.exit(main())
