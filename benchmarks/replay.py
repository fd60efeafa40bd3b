#!/usr/bin/env python
"""Replays a production trace through the gateway, and compares what was recorded with what was produced.

    benchmarks/replay.py TRACE.csv [--concurrency 64] [--stream 1000] [--limit N]
                         [--folder DIR] [--postgres | --database-url URL]

It starts everything itself: a fresh database, `manage.py serve`, and a stand-in for the model server. Ctrl+C stops it
after the requests under way; the same command with the folder that it names goes on. The exit status is 0 when all
figures are equal.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

from benchmarks import machine, totals, trace  # noqa: E402
from benchmarks.memory import peak_memory  # noqa: E402
from benchmarks.progress import Progress  # noqa: E402
from benchmarks.sender import Sender  # noqa: E402
from benchmarks.totals import Totals  # noqa: E402
from benchmarks.trace import Row  # noqa: E402
from billing import rating  # noqa: E402
from foundation.money import UnitPrices, usd_string  # noqa: E402
from tests.postgres_server import PostgresServer  # noqa: E402
from tests.running import RunningServer  # noqa: E402
from usage.counts import TokenCounts  # noqa: E402

MODEL = "deepseek-chat"
# Pico-USD per token: $0.27 and $1.10 per 1M tokens, as catalog/seed.toml sells deepseek-chat.
PRICES = UnitPrices(input=270_000, cached_input=70_000, output=1_100_000)
_INTERRUPTED = 130


@dataclass
class Replay:
    """One trace, one folder with everything that must survive an interruption."""

    path: Path
    folder: Path
    database_url: str
    rows: list[Row]
    streamed: set[int]
    concurrency: int

    @property
    def log(self) -> Path:
        return self.folder / "stand-in.csv"

    @property
    def _done_file(self) -> Path:
        return self.folder / "done.txt"

    @property
    def _state_file(self) -> Path:
        return self.folder / "replay.json"

    def state(self) -> dict[str, Any]:
        """What must be the same when a replay goes on, and the seconds it took so far."""
        if self._state_file.exists():
            found: dict[str, Any] = json.loads(self._state_file.read_text())
            return found
        return {
            "trace": trace.fingerprint(self.path),
            "database": self.database_url,
            "seconds": 0.0,
            "began": time.time(),
        }

    def check(self) -> None:
        """Refuse to mix with another replay or with a database in use."""
        state = self.state()
        if state["trace"] != trace.fingerprint(self.path) or state["database"] != self.database_url:
            sys.exit(f"{self.folder} belongs to a replay of another trace or on another database.")
        self._state_file.write_text(json.dumps(state))

    def done(self) -> set[int]:
        """Numbers of the rows that were answered before."""
        return {int(line) for line in self._done_file.read_text().split()} if self._done_file.exists() else set()

    async def send(self, url: str, secret: str) -> list[str]:
        """Send what is left; what went wrong."""
        before = self.done()
        left = [row for row in self.rows if row.number not in before]
        progress = Progress(len(self.rows), len(before))
        with self._done_file.open("a", buffering=1) as done:

            def note(row: Row) -> None:
                done.write(f"{row.number}\n")
                progress.step()

            sender = Sender(url, secret, MODEL, self.streamed, note)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, sender.stop)
            started = time.monotonic()
            await sender.send(left, self.concurrency)
        progress.finish()
        state = self.state()
        state["seconds"] += time.monotonic() - started
        self._state_file.write_text(json.dumps(state))
        return sender.failures

    async def witnesses(self, url: str, secret: str) -> dict[str, Totals]:
        """What everyone says, by name."""
        return {
            "trace": totals.of_rows(self.rows),
            "stand-in": totals.of_reports(totals.reports(self.log)),
            "usage events": totals.of_events(self.database_url),
            "rollups + pending": totals.of_rollups(self.database_url),
            "API": await totals.of_api(url, secret, self.state()["began"]),
        }

    def problems(self) -> list[str]:
        """What is wrong beyond the totals: a row unlike its report, a row asked for twice, an odd event, the money."""
        wanted = {str(row.number): (row.input, row.output, row.number in self.streamed) for row in self.rows}
        reports = totals.reports(self.log)
        unlike = [
            report for report in reports if wanted.get(report.name) != (report.input, report.output, report.stream)
        ]
        repeated = [name for name, count in Counter(report.name for report in reports).items() if count > 1]
        found = [f"{len(unlike)} rows were reported otherwise than the trace has them"] if unlike else []
        if repeated:
            found.append(f"{len(repeated)} rows were asked for more than once: the last run was killed, not stopped")
        if odd := totals.oddities(self.database_url):
            found.append(f"{odd} usage events are not whole answers")
        expected = sum(rating.charge(TokenCounts(row.input, 0, row.output), PRICES) for row in self.rows)
        if (charged := totals.charged(self.database_url)) != expected:
            found.append(f"charged were {usd_string(charged)} USD instead of {usd_string(expected)}")
        return found


# ---------------------------------------------------------------- the processes


@contextlib.contextmanager
def _stand_in(log: Path) -> Any:
    """The base URL of a stand-in."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stand_in", "--log", str(log)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@contextlib.contextmanager
def _gateway(replay: Replay, upstream: str) -> Any:
    """The running server and the keys for it."""
    extra = {"DEMO_PROVIDER": "0", "LOG_LEVEL": "WARNING"}
    server = RunningServer(replay.folder / "data", replay.database_url, extra=extra).start()
    try:
        server.manage("connect_provider", "stand-in", "--base-url", upstream, "--model", MODEL, "--skip-checks")
        lines = server.manage("conformance_keys", "--skip-checks").splitlines()
        yield server, dict(line.split("=", 1) for line in lines)
    finally:
        server.end()


# ---------------------------------------------------------------- the run


def run(replay: Replay) -> int:
    """Replay and compare; the exit status."""
    replay.check()
    with _stand_in(replay.log) as upstream, _gateway(replay, upstream) as (server, keys):
        if not replay.done() and totals.of_events(replay.database_url).requests and not totals.reports(replay.log):
            sys.exit("The database has usage already; name a fresh one.")
        failures = asyncio.run(replay.send(server.url, keys["API_KEY"]))
        if failures:
            print(*failures, sep="\n")
            return 1
        if len(replay.done()) < len(replay.rows):
            return _INTERRUPTED
        witnesses = asyncio.run(replay.witnesses(server.url, keys["ADMIN_KEY"]))
        memory = peak_memory(server.pid)
    problems = replay.problems()
    print(report(replay, witnesses, problems, memory))
    return int(bool(problems) or len(set(witnesses.values())) != 1)


def report(replay: Replay, witnesses: dict[str, Totals], problems: list[str], memory: float) -> str:
    """The figures for people."""
    seconds = replay.state()["seconds"]
    kind = replay.database_url.partition(":")[0]
    streamed = len({row.number for row in replay.rows} & replay.streamed)
    equal = "all equal" if len(set(witnesses.values())) == 1 else "NOT EQUAL"
    lines = [
        machine.describe(),
        f"{replay.path.name} on {kind}, {replay.concurrency} at a time, {streamed:,} streamed",
        f"{'':20}{'requests':>12}{'input tokens':>16}{'output tokens':>16}",
        *(f"{name:20}{one.requests:>12,}{one.input:>16,}{one.output:>16,}" for name, one in witnesses.items()),
        f"{equal}; charged {usd_string(totals.charged(replay.database_url))} USD",
        *problems,
        f"{seconds:.1f} s ({len(replay.rows) / max(seconds, 1e-9):,.0f} requests a second), "
        f"gateway's peak memory {memory:.0f} MiB",
    ]
    return "\n".join(lines)


def main() -> int:
    """Read the command line; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("trace", type=Path, help="CSV file with the columns ContextTokens and GeneratedTokens")
    parser.add_argument("--concurrency", type=int, default=64, help="requests at a time")
    parser.add_argument("--stream", type=int, default=0, metavar="N", help="ask for N rows as streams, evenly spread")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N rows")
    parser.add_argument("--folder", type=Path, help="keep everything here; an interrupted replay goes on")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--postgres", action="store_true", help="on a throw-away PostgreSQL (cannot go on later)")
    where.add_argument("--database-url", help="on this empty database")
    options = parser.parse_args()
    try:
        rows = trace.read(options.trace, options.limit)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="replay-"))
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        # A measurement must pay for its commits.
        server = stack.enter_context(contextlib.closing(PostgresServer("-cfsync=on"))) if options.postgres else None
        url = server.url if server else options.database_url or f"sqlite:///{folder.resolve()}/meterhouse.sqlite3"
        streamed = trace.sample(rows, options.stream)
        status = run(Replay(options.trace, folder, url, rows, streamed, options.concurrency))
    if status == _INTERRUPTED and not options.postgres:
        print(f"Stopped. To go on: add --folder {folder}")
    elif not options.folder and status == 0:
        shutil.rmtree(folder)
    return status


if __name__ == "__main__":
    sys.exit(main())
