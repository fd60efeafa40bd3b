#!/usr/bin/env python
"""Measures the pages that everybody opens first, with few and with many events, on one throw-away PostgreSQL.

    benchmarks/pages.py [--events 10000000] [--base 100000] [--keys 10000] [--rounds 30] [--zone Asia/Shanghai]

Two databases are filled (`fill.py`), and a process each answers requests of a logged-in owner through all of Django,
in turns, so that a busy machine slows both alike. Every round asks for each address once, with a connection to the
database of its own, as in production. `clock` is the time from the request to the end of its answer, `work` its
processor time, in Django and in PostgreSQL, which uses one processor for a request: on an idle machine nearly the same.

The exit status is 1 when a bound is broken: 95 % of Overview, Usage and Keys within 150 ms, not more than twice what
they take with few events, the same number of queries; the first rows of a CSV file with 100,000 rows within a second,
and memory that does not grow with it. With `--by-work` times are judged by `work`, for a machine with other work to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

import psycopg  # noqa: E402

from benchmarks import machine  # noqa: E402
from tests.postgres_server import PostgresServer  # noqa: E402

P95_MS, RATIO, FIRST_BYTE_MS = 150.0, 2.0, 1000.0
# What a file of any length may add to a process, MiB.
GROWTH_MB = 32.0
CSV_ROWS = 100_000
# By page: addresses that people open, the page as it comes first. {key}, {project} and {member} are public ids.
PAGES = {
    "Overview": ("/",),
    "Usage": (
        "/usage/", "/usage/?by=key", "/usage/?by=project", "/usage/?by=day", "/usage/?metric=tokens",
        "/usage/?period=7d", "/usage/?period=90d", "/usage/?period=90d&by=key", "/usage/?period=month",
        "/usage/?period=last-month", "/usage/?period=today", "/usage/?period=today&by=key", "/usage/?key={key}",
        "/usage/?project={project}", "/usage/?model=deepseek-chat", "/usage/?model=deepseek-chat&by=key",
        "/usage/?by=member", "/usage/?member={member}", "/usage/?member={member}&by=key",
    ),
    "Keys": ("/keys/", "/keys/?size=100", "/keys/?sort=name", "/keys/?q=key-01", "/keys/?status=all"),
}  # fmt: skip
FILES = {"usage": "/usage/export.csv?period=7d", "requests": "/usage/requests/export.csv?period=7d"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer: milliseconds by the clock and of the processors, its queries."""

    clock: float
    work: float
    queries: int


@dataclass(frozen=True, slots=True)
class FileReading:
    """One file: milliseconds to its first rows and to its end, rows, MiB that the process grew by at most."""

    first: float
    all: float
    rows: int
    growth: float


@dataclass(frozen=True, slots=True)
class Table:
    """What is printed, and the bounds that are broken."""

    lines: list[str]
    broken: list[str]


# ---------------------------------------------------------------- who answers


def answer() -> None:
    """Answer the addresses that stand in standard input, a JSON object a line."""
    django_is_set_up()
    from accounts.models import ApiKey, User  # noqa: PLC0415
    from benchmarks.fill import EMAIL  # noqa: PLC0415

    client = _client(User.objects.get(email=EMAIL))
    key = ApiKey.objects.visible().order_by("pk")[10]
    owned = ApiKey.objects.exclude(owner=None).select_related("owner").order_by("pk")[10]
    names = {"key": key.public_id, "project": key.project.public_id, "member": owned.owner.public_id}
    for line in sys.stdin:
        asked = json.loads(line)
        address = asked["address"].format(**names)
        found = _file(client, address) if asked["is_file"] else _page(client, address)
        print(json.dumps(found), flush=True)


def django_is_set_up() -> None:
    """Django works on the DATABASE_URL of the environment."""
    import django  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def _client(user: Any) -> Any:
    from django.conf import settings  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client(HTTP_HOST="localhost")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _page(client: Any, address: str) -> tuple[float, float, int]:
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from dashboard import status_line  # noqa: PLC0415

    queries = 0

    def counting(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    # What pages say of the status they remember for half a minute: it is known, so that all readings are alike.
    status_line.read(timezone.now())
    # As in production: every request connects.
    connection.close()
    worked, started = time.process_time(), time.perf_counter()
    with connection.execute_wrapper(counting):
        answer = client.get(address)
    clock, own = time.perf_counter() - started, time.process_time() - worked
    assert answer.status_code == 200, (address, answer.status_code)
    return clock * 1000, (own + _worked(connection.connection.info.backend_pid)) * 1000, queries


def _worked(pid: int) -> float:
    """Seconds of processor time of a process since it began."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _file(client: Any, address: str) -> tuple[float, float, int, float]:
    before = _memory("VmRSS")
    # The largest size so far is forgotten.
    Path("/proc/self/clear_refs").write_text("5")
    started, first, rows = time.perf_counter(), 0.0, -1
    for number, part in enumerate(client.get(address).streaming_content):
        # The header alone says nothing yet.
        if number == 1:
            first = time.perf_counter() - started
        rows += part.count(b"\n")
    return first * 1000, (time.perf_counter() - started) * 1000, rows, _memory("VmHWM") - before


def _memory(name: str) -> float:
    """MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


# ---------------------------------------------------------------- who asks


class Answerer:
    """A process that answers from one database."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def page(self, address: str) -> Reading:
        """One answer."""
        return Reading(*self._ask(address, is_file=False))

    def file(self, address: str) -> FileReading:
        """One file, to its end."""
        return FileReading(*self._ask(address, is_file=True))

    def _ask(self, address: str, *, is_file: bool) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"address": address, "is_file": is_file}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{address} was not answered")
        return json.loads(line)


@contextmanager
def answerer(url: str, folder: Path) -> Iterator[Answerer]:
    """Started, and ended again."""
    environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(folder), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.pages", "--answer"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Answerer(process)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(60)


def measure(few: str, many: str, rounds: int, folder: Path) -> dict[str, tuple[list[Reading], list[Reading]]]:
    """By address what it took with few and with many events."""
    addresses = [address for found in PAGES.values() for address in found]
    readings: dict[str, tuple[list[Reading], list[Reading]]] = {address: ([], []) for address in addresses}
    with ExitStack() as stack:
        both = [stack.enter_context(answerer(url, folder)) for url in (few, many)]
        for number in range(rounds + 1):
            print(f"\rround {number} of {rounds}", end="", file=sys.stderr, flush=True)
            for address in addresses:
                for one, found in zip(both, readings[address], strict=True):
                    reading = one.page(address)
                    # The first round loads templates and fills caches.
                    if number:
                        found.append(reading)
    print(file=sys.stderr)
    return readings


def table(readings: dict[str, tuple[list[Reading], list[Reading]]], *, by_work: bool) -> Table:
    """Each address, and each page with all its addresses."""
    lines = [f"{'':<42}{'few: clock':>16}{'work':>14}{'many: clock':>16}{'work':>14}{'ratio':>7}{'queries':>9}"]
    lines.append(
        f"{'milliseconds':<42}{'p50    p95':>16}{'p50    p95':>14}{'p50    p95':>16}{'p50    p95':>14}{'p95':>7}"
    )
    broken = []
    of = (lambda one: one.work) if by_work else (lambda one: one.clock)
    for page, addresses in PAGES.items():
        few, many = ([one for address in addresses for one in readings[address][which]] for which in (0, 1))
        slow, before = p95([of(one) for one in many]), p95([of(one) for one in few])
        lines += [_line(page, few, many, slow / before)]
        for address in addresses:
            pair = readings[address]
            ratio = p95([of(one) for one in pair[1]]) / p95([of(one) for one in pair[0]])
            lines.append(_line(f"  {address}", *pair, ratio))
            if len({one.queries for one in (*pair[0], *pair[1])}) > 1:
                broken.append(f"{address}: the number of queries depends on the number of events")
        if slow > P95_MS:
            broken.append(f"{page}: {slow:.0f} ms of at most {P95_MS:.0f}")
        if slow > RATIO * before:
            broken.append(f"{page}: {slow / before:.2f} times what it takes with few events, of at most {RATIO:.0f}")
    return Table(lines, broken)


def _line(name: str, few: Sequence[Reading], many: Sequence[Reading], ratio: float) -> str:
    cells = [
        f"{statistics.median(values):>{width}.0f} {p95(values):>6.0f}"
        for found in (few, many)
        for values, width in (([one.clock for one in found], 9), ([one.work for one in found], 7))
    ]
    queries = sorted({one.queries for one in many})
    return f"{name:<42}{''.join(cells)}{ratio:>7.2f}{'-'.join(map(str, (queries[0], queries[-1])[: len(queries)])):>9}"


def files(url: str, folder: Path, rows: int) -> Table:
    """The first rows and the memory of files, each made by a new process."""
    lines, broken = [f"{'':<42}{'first rows':>12}{'all':>12}{'rows':>12}{'grew by':>12}"], []
    for name, address in FILES.items():
        with answerer(url, folder) as one:
            # A short one first: what is loaded once is no growth.
            one.file(address.replace("7d", "today"))
            found = one.file(address)
        lines.append(
            f"{name + '.csv':<42}{found.first:>9.0f} ms{found.all:>9.0f} ms{found.rows:>12,}{found.growth:>8.1f} MiB"
        )
        if found.rows < rows:
            broken.append(f"{name}.csv: {found.rows:,} rows, of at least {rows:,}")
        if found.first > FIRST_BYTE_MS:
            broken.append(f"{name}.csv: first rows after {found.first:.0f} ms, of at most {FIRST_BYTE_MS:.0f}")
        if found.growth > GROWTH_MB:
            broken.append(f"{name}.csv: grew by {found.growth:.0f} MiB, of at most {GROWTH_MB:.0f}")
    return Table(lines, broken)


def p95(values: Sequence[float]) -> float:
    """What 95 % are within."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * 95 // 100) - 1]


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--base", type=int, default=100_000, help="the few events")
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--zone", default="Asia/Shanghai")
    parser.add_argument("--rows", type=int, default=CSV_ROWS, help="rows that a file must have at least")
    parser.add_argument("--by-work", action="store_true", help="judge processor time, not the clock")
    parser.add_argument("--few", help="address of a database that is filled already")
    parser.add_argument("--many", help="likewise")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        answer()
        return 0
    with ExitStack() as stack:
        few, many = options.few, options.many
        if not (few and many):
            server = stack.enter_context(closing(PostgresServer(*SERVER)))
            few, many = _filled(server, options.base, options), _filled(server, options.events, options)
        return _report(few, many, options)


# No parallel workers: a request gets one processor.
SERVER = ("-cmax_parallel_workers_per_gather=0", "-cmax_wal_size=8GB", "-cshared_buffers=1GB")


def _filled(server: PostgresServer, events: int, options: argparse.Namespace) -> str:
    name = f"events_{events}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.database_url(name)
    command = ["--events", str(events), "--keys", str(options.keys), "--zone", options.zone]
    subprocess.run(
        [sys.executable, "benchmarks/fill.py", "--database-url", url, *command], cwd=ROOT, env=os.environ, check=True
    )
    return url


def _report(few: str, many: str, options: argparse.Namespace) -> int:
    folder = Path(os.environ.get("DATA_DIR") or ROOT / "data")
    load = os.getloadavg()[1]
    pages = table(measure(few, many, options.rounds, folder), by_work=options.by_work)
    exports = files(many, folder, options.rows)
    print(machine.describe())
    print(
        f"{options.base:,} and {options.events:,} events, {options.keys:,} keys, zone {options.zone}, "
        f"{options.rounds} rounds; load average {load:.1f}; judged by {'work' if options.by_work else 'the clock'}\n"
    )
    print("\n".join([*pages.lines, "", *exports.lines]))
    broken = pages.broken + exports.broken
    print("\n" + ("\n".join(f"BROKEN: {one}" for one in broken) or "all bounds hold"))
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
