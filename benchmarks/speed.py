#!/usr/bin/env python
"""Measures the gateway beside a bare pass-through, in turns: answers per second of processor time.

    benchmarks/speed.py [--rounds 3] [--seconds 3] [--postgres] [--redis-url URL]

The provider is a stub in C and so is the load generator; both run on the first processor, what is measured on the
second. Processor time is that of the measured process, so that other work on the machine hardly counts; `db ms` is that
of PostgreSQL for one answer. Needs `cc`.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

import psycopg  # noqa: E402

from benchmarks import machine  # noqa: E402
from benchmarks.memory import peak_memory  # noqa: E402
from tests.postgres_server import PostgresServer  # noqa: E402
from tests.running import RunningServer  # noqa: E402

MODEL = "deepseek-chat"
CHUNKS = 50
# (is a stream, connections)
MODES = ((False, 1), (False, 16), (False, 64), (True, 1), (True, 16))
_TICKS = os.sysconf("SC_CLK_TCK")
_WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured."""

    name: str
    port: int
    pid: int
    headers: tuple[str, ...] = ()
    # A PostgreSQL of its own, whose processor time is told beside.
    database_url: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One run: answers per second of processor time and of the clock, milliseconds, and answers that were not right."""

    per_cpu: float
    per_second: float
    median: float
    slowest: float
    bad: int
    # Processor time of PostgreSQL for one answer.
    database_ms: float = 0.0


def build(name: str, folder: Path) -> Path:
    """The compiled C file."""
    target = folder / name
    subprocess.run(["cc", "-O2", "-o", str(target), str(ROOT / "benchmarks" / f"{name}.c")], check=True)
    return target


def measure(load: Path, target: Target, *, stream: bool, connections: int, seconds: float) -> Reading:
    """One run of the load generator against one target."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": CHUNKS}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    command = [str(load), str(target.port), "/v1/chat/completions", str(connections), str(seconds), json.dumps(body)]
    before, database_before = processor_seconds(target.pid), database_seconds(target.database_url)
    run = subprocess.run([*_on(0), *command, *target.headers], capture_output=True, text=True, check=True)
    used = processor_seconds(target.pid) - before
    in_database = database_seconds(target.database_url) - database_before
    good, bad, elapsed, events, median, slowest = (float(value) for value in run.stdout.split())
    if stream and good and events < CHUNKS + 2:
        sys.exit(f"{target.name} sent {events} events an answer")
    database_ms = in_database / max(good, 1.0) * 1000
    return Reading(good / max(used, 1e-9), good / elapsed, median, slowest, int(bad), database_ms)


def database_seconds(url: str) -> float:
    """User and system time so far of all processes of a PostgreSQL on this machine that has connections."""
    if not url:
        return 0.0
    with psycopg.connect(url) as connection:
        pids = [row[0] for row in connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")]
    total = 0.0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):
            total += processor_seconds(pid)
    return total


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _on(processor: int) -> list[str]:
    """Runs a command on one processor, where there are two to tell apart."""
    count = len(os.sched_getaffinity(0))
    return ["taskset", "-c", str(processor)] if count > 1 and shutil.which("taskset") else []


@contextlib.contextmanager
def _process(command: list[str], processor: int) -> Iterator[tuple[int, int]]:
    """Port and process number of a program whose first line is its port."""
    process = subprocess.Popen(
        [*_on(processor), *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextlib.contextmanager
def _gateway(folder: Path, upstream: str, database_url: str, redis_url: str) -> Iterator[Target]:
    extra = {"DEMO_PROVIDER": "0", "LOG_LEVEL": "WARNING"}
    server = RunningServer(folder / "data", database_url, redis_url=redis_url, extra=extra).start()
    try:
        if _on(1):
            _pin(server.pid, 1)
        server.manage("connect_provider", "stub", "--base-url", upstream, "--model", MODEL, "--skip-checks")
        lines = server.manage("conformance_keys", "--skip-checks").splitlines()
        secret = dict(line.split("=", 1) for line in lines)["API_KEY"]
        yield Target("gateway", server.port, server.pid, (f"Authorization: Bearer {secret}",), _postgres(database_url))
    finally:
        server.end()


def _postgres(url: str) -> str:
    return url if url.startswith("postgres") else ""


def _pin(pid: int, processor: int) -> None:
    """Move a process with all its threads."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {processor})


def compare(load: Path, targets: list[Target], rounds: int, seconds: float) -> str:
    """The table: medians over the rounds, every mode in turns."""
    for target in targets:
        for stream in (False, True):
            measure(load, target, stream=stream, connections=8, seconds=_WARM_UP_SECONDS)
    readings: dict[tuple[str, bool, int], list[Reading]] = {}
    for _ in range(rounds):
        for stream, connections in MODES:
            for target in targets:
                reading = measure(load, target, stream=stream, connections=connections, seconds=seconds)
                readings.setdefault((target.name, stream, connections), []).append(reading)
    return table(readings, targets[0].name)


def table(readings: dict[tuple[str, bool, int], list[Reading]], base: str) -> str:
    """One line a mode and target; `share` is of the base's answers per second of processor time."""
    lines = [
        f"{'':14}{'mode':12}{'per CPU-s':>11}{'share':>8}{'per s':>9}{'median ms':>11}{'p99 ms':>9}"
        f"{'db ms':>8}{'bad':>5}"
    ]
    for (name, stream, connections), found in sorted(readings.items(), key=lambda item: item[0][1:]):
        mode = f"{'stream' if stream else 'JSON'} x{connections}"
        per_cpu = statistics.median(one.per_cpu for one in found)
        share = per_cpu / statistics.median(one.per_cpu for one in readings[base, stream, connections])
        per_second = statistics.median(one.per_second for one in found)
        median = statistics.median(one.median for one in found)
        slowest = statistics.median(one.slowest for one in found)
        database = statistics.median(one.database_ms for one in found)
        bad = sum(one.bad for one in found)
        lines.append(
            f"{name:14}{mode:12}{per_cpu:>11,.0f}{share:>8.2f}{per_second:>9,.0f}{median:>11.2f}{slowest:>9.2f}"
            f"{database:>8.3f}{bad:>5}"
        )
    return "\n".join(lines)


def main() -> int:
    """Read the command line; 1 when an answer was not right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run")
    parser.add_argument("--postgres", action="store_true", help="on a throw-away PostgreSQL instead of SQLite")
    parser.add_argument("--redis-url", default="", help="count rate limits there")
    options = parser.parse_args()
    if shutil.which("cc") is None:
        sys.exit("This needs a C compiler (cc).")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="speed-")))
        load = build("load", folder)
        stub, _ = stack.enter_context(_process([str(build("stub", folder)), str(CHUNKS)], 0))
        upstream = f"http://127.0.0.1:{stub}"
        command = [sys.executable, "-m", "benchmarks.passthrough", "--upstream", upstream]
        port, pid = stack.enter_context(_process(command, 1))
        server = stack.enter_context(contextlib.closing(PostgresServer("-cfsync=on"))) if options.postgres else None
        url = server.url if server else f"sqlite:///{folder}/meterhouse.sqlite3"
        gateway = stack.enter_context(_gateway(folder, f"{upstream}/v1", url, options.redis_url))
        text = compare(load, [Target("pass-through", port, pid), gateway], options.rounds, options.seconds)
        memory = peak_memory(gateway.pid)
    limits = "Redis" if options.redis_url else "process"
    print(machine.describe())
    print(f"{options.rounds} rounds of {options.seconds:g} s, streams of {CHUNKS} chunks; medians")
    print(f"database {url.partition(':')[0]}, rate limits in {limits}")
    print(text)
    print(f"gateway's peak memory {memory:.0f} MiB")
    return int(any(line.rsplit(maxsplit=1)[-1] != "0" for line in text.splitlines()[1:]))


if __name__ == "__main__":
    sys.exit(main())
