#!/usr/bin/env python
"""How long after its SSE chunk the first token is painted in the playground, and how soon Stop reaches the provider.

    benchmarks/first_token.py [--answers 50] [--stops 20]

The provider writes into each chunk when it sent it; Chromium says when the frame with it was on screen. Both read the
clock of this machine. Between them lie the provider's socket, the gateway, Django, the browser's reading and painting.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    # Settings are read for what the tests know; the server has its own.
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["DATA_DIR"] = tempfile.mkdtemp()

import django  # noqa: E402

django.setup()

from benchmarks import machine  # noqa: E402
from tests.dashboard.console import Person, operator  # noqa: E402
from tests.running import RunningServer  # noqa: E402

MODEL = "deepseek-chat"
_WAIT = 0.25
# Between two tokens of an answer that is stopped.
_PACE = 0.02
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# The frame after the one that was asked for: then the text is on screen.
WATCH = """() => {
  window.painted = null;
  new MutationObserver(() => {
    const answer = [...document.querySelectorAll(".msg-assistant .msgbody")].at(-1);
    const found = /at (\\d+\\.\\d+)/.exec(answer?.textContent);
    if (!found || window.painted) return;
    window.painted = {sent: Number(found[1])};
    requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => { window.painted.at = performance.timeOrigin + performance.now(); };
      after.port2.postMessage(null);
    });
  }).observe(document.getElementById("pg-log"), {childList: true, characterData: true, subtree: true});
}"""


@dataclass
class Stamping:
    """A provider whose first token says when it was sent; it notices when its reader leaves."""

    left: threading.Event = field(default_factory=threading.Event)
    left_at: float = 0.0
    sent: int = 0
    port: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True).start()
        self._ready.wait(20)

    async def _serve(self) -> None:
        app = web.Application(client_max_size=16 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await asyncio.Event().wait()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        tokens = 2000 if "long" in body["messages"][-1]["content"] else 5
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        try:
            await response.prepare(request)
            await asyncio.sleep(_WAIT)
            await response.write(_chunk(f"at {time.time() * 1000:.1f} "))
            self.sent = 1
            for _ in range(tokens):
                await asyncio.sleep(_PACE)
                await response.write(_chunk(" one"))
                self.sent += 1
            await response.write(_chunk("", "stop") + b"data: [DONE]\n\n")
        except (asyncio.CancelledError, ConnectionError):
            self.left_at = time.time()
            self.left.set()
            raise
        return response


def _chunk(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def paints(page: Page, answers: int) -> list[float]:
    """Milliseconds from sending a first token to the frame that shows it, of each answer."""
    found = []
    for _ in range(answers):
        if page.locator("#pg-clear").is_visible():
            page.click("#pg-clear")
        page.evaluate(WATCH)
        page.fill("#pg-message", "Hello")
        page.press("#pg-message", "Enter")
        page.wait_for_function("() => window.painted && window.painted.at")
        painted: dict[str, float] = page.evaluate("window.painted")
        found.append(painted["at"] - painted["sent"])
        page.wait_for_selector("#pg-log[aria-busy=false]")
    return found


@dataclass
class Stop:
    """Milliseconds until the provider was left, tokens it had sent by then, tokens that were charged, cost as shown."""

    after: float
    sent: int
    charged: int
    shown: str
    booked: str


def stops(page: Page, provider: Stamping, person: Person, number: int) -> list[Stop]:
    """Answers that are stopped in the middle."""
    found = []
    for _ in range(number):
        page.click("#pg-clear")
        page.evaluate(WATCH)
        provider.left.clear()
        page.fill("#pg-message", "a long answer")
        page.press("#pg-message", "Enter")
        page.wait_for_function("() => window.painted && window.painted.at")
        page.wait_for_timeout(400)
        pressed: float = page.evaluate(
            "() => { document.getElementById('pg-send').click(); return performance.timeOrigin + performance.now(); }"
        )
        provider.left.wait(30)
        page.wait_for_selector("#pg-log[aria-busy=false]")
        readout = page.locator(".msg-assistant .readout").last
        request_id = readout.locator(".reqid code").inner_text()
        booked = person.http.get(f"/api/v1/requests/{request_id}").json()
        found.append(
            Stop(
                after=provider.left_at * 1000 - pressed,
                sent=provider.sent,
                charged=booked["output_tokens"],
                shown=(readout.locator("span[title]").get_attribute("title") or "").removeprefix("$"),
                booked=booked["cost"],
            )
        )
    return found


def report(painted: list[float], stopped: list[Stop]) -> str:
    """The figures, with what was promised."""
    late = sum(one > 100 for one in painted)
    slow = sum(one.after > 1000 for one in stopped)
    wrong = [one for one in stopped if one.shown != one.booked or not 0 < one.charged <= one.sent + 10]
    lines = [
        f"First token painted after its chunk, ms, {len(painted)} answers: {_spread(painted)}; over 100 ms: {late}",
        f"Stop until the provider is left, ms, {len(stopped)} answers: {_spread([one.after for one in stopped])}; "
        f"over 1,000 ms: {slow}",
        f"Tokens sent by the provider {sum(one.sent for one in stopped)}, charged "
        f"{sum(one.charged for one in stopped)}; shown cost other than booked, or charged beyond what was sent: "
        f"{len(wrong)}",
    ]
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered):.1f}, p95 {p95:.1f}, most {ordered[-1]:.1f}"


def measure(answers: int, number: int, chromium: str) -> tuple[list[float], list[Stop]]:
    """With a server, a provider and a browser of its own."""
    provider = Stamping()
    provider.start()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        data_dir = Path(folder) / "data"
        server = RunningServer(data_dir, f"sqlite:///{folder}/house.sqlite3").start(400)
        browser = None
        try:
            server.manage(
                "connect_provider", "stamping", "--base-url", f"http://127.0.0.1:{provider.port}/v1", "--model", MODEL,
                "--skip-checks",
            )  # fmt: skip
            person = operator(server)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.set_default_timeout(60_000)
            cookies = person.http.cookies
            names = ("sessionid", "csrftoken")
            context.add_cookies([{"name": name, "value": cookies[name], "url": server.url} for name in names])
            page = context.new_page()
            page.goto(f"{server.url}/playground/")
            page.wait_for_selector("#pg-app:not([hidden])")
            paints(page, 1)
            return paints(page, answers), stops(page, provider, person, number)
        finally:
            if browser:
                browser.close()
            server.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=50)
    parser.add_argument("--stops", type=int, default=20)
    options = parser.parse_args()
    chromium = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if chromium is None:
        parser.error("Chromium is not installed on this machine")
    painted, stopped = measure(options.answers, options.stops, chromium)
    print(machine.describe())
    print(report(painted, stopped))
    return 0


if __name__ == "__main__":
    sys.exit(main())
