"""The whole set-up as processes that can be killed: gateway, jobs, database; a provider; keys to ask with."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import books
from benchmarks.crowd import MODEL, Caller
from tests.gateway.redis_server import RedisServer
from tests.postgres_server import PostgresServer
from tests.running import ROOT, RunningServer

WORKERS = 4
_EXTRA = {"DEMO_PROVIDER": "0", "LOG_LEVEL": "WARNING"}
_PATIENCE = 60.0
# Longer than a lease: everything that was under way is recovered before the house is back.
_LONG = 35.0
_REPLAYED = re.compile(r"replayed (\d+) settlements from the spool")


class House:
    """The server with what it needs. `targets`: what can be killed, each with a verb that also brings it back."""

    database_url: str

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.database_url = server.database_url
        self.targets: dict[str, Callable[[random.Random], None]] = {}
        # What went wrong with the processes themselves.
        self.faults: list[str] = []

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def replayed(self) -> int:
        """Settlements that waited in the spool for the database, by the server's log."""
        return sum(map(int, _REPLAYED.findall(self.server.output)))

    def start(self, upstream: str) -> None:
        """Start it and route the model to the provider."""
        self.resume()
        self.connect(upstream)

    def connect(self, upstream: str) -> None:
        """Route the model to this provider from now on."""
        self.server.manage("connect_provider", "unreliable", "--base-url", upstream, "--model", MODEL, "--skip-checks")

    def resume(self) -> None:
        """Start it again after `pause`."""
        self.server.start()

    def pause(self) -> None:
        """Stop everything but the database, in an orderly way."""
        if status := self.server.stop():
            self.faults.append(f"the server ended with status {status}")

    def close(self) -> None:
        """End every process."""
        self.server.end()

    def open_scene(self, plan: list[dict[str, Any]]) -> list[Caller]:
        """Make organizations, keys and limits as benchmarks.scene describes them."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scene"],
            cwd=ROOT,
            env=self.server.environment,
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [Caller(**key) for key in json.loads(done.stdout)]

    def wait_until_ready(self) -> None:
        """Return when the server says so, on every worker as far as one can see."""
        deadline = time.monotonic() + _PATIENCE
        good = 0
        while good < WORKERS:
            if time.monotonic() > deadline:
                raise RuntimeError("the server did not come back:\n" + self.server.output[-4_000:])
            good = good + 1 if self._is_ready() else 0
            time.sleep(0.0 if good else 0.05)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
            return bool(answer.status == 200)
        return False

    def wait_for_rest(self, *, age: bool) -> None:
        """Return when no hold is active: leases of killed processes end, the schedule recovers them.

        With `age` their leases are ended at once, while nothing runs that could renew one.
        """
        if age:
            self.pause()
            books.end_leases(self.database_url)
            self.resume()
        deadline = time.monotonic() + 2 * _PATIENCE
        while books.active_holds(self.database_url) and time.monotonic() < deadline:
            time.sleep(0.25)


class SqliteHouse(House):
    """One process, which is also the database and the ticker."""

    def __init__(self, folder: Path) -> None:
        super().__init__(RunningServer(folder / "data", f"sqlite:///{folder}/meterhouse.sqlite3", extra=_EXTRA))
        self.targets = {"gateway": self._kill_gateway}

    def _kill_gateway(self, chance: random.Random) -> None:
        self.server.kill()
        time.sleep(_away(chance))
        self.server.start()


class PostgresHouse(House):
    """Four workers, rate limits in Redis, jobs under Celery, PostgreSQL with fsync."""

    def __init__(self, folder: Path) -> None:
        self._closing = contextlib.ExitStack()
        self._postgres = self._closing.enter_context(contextlib.closing(PostgresServer("-cfsync=on")))
        self._redis = self._closing.enter_context(contextlib.closing(RedisServer()))
        extra = {**_EXTRA, "TICKER": "0"}
        super().__init__(RunningServer(folder / "data", self._postgres.url, self._redis.url, WORKERS, extra))
        self._jobs: dict[str, subprocess.Popen[bytes]] = {}
        self._log = folder / "celery.log"
        self.targets = {
            "worker": self._kill_worker,
            "parent": self._kill_parent,
            "jobs": self._kill_jobs,
            "database": self._kill_database,
            "database, then a worker": self._kill_database_and_worker,
        }

    def resume(self) -> None:
        super().resume()
        for name in ("worker", "beat"):
            self._start_job(name)

    def pause(self) -> None:
        super().pause()
        self._end_jobs()

    def close(self) -> None:
        workers = self._workers()
        super().close()
        for pid in workers:
            _kill(pid, "multiprocessing")
        self._end_jobs()
        self._closing.close()

    # ---------------------------------------------------------------- what is killed

    def _kill_worker(self, chance: random.Random) -> None:
        _kill(chance.choice(self._workers()), "multiprocessing")
        self._bring_back()

    def _kill_parent(self, chance: random.Random) -> None:
        """Its workers go on for a moment, as orphans, and then are killed as well."""
        workers = self._workers()
        self.server.kill()
        time.sleep(chance.uniform(0.0, 1.0))
        for pid in workers:
            _kill(pid, "multiprocessing")
        for pid in workers:
            _wait_until_gone(pid)
        self._bring_back()

    def _kill_jobs(self, chance: random.Random) -> None:
        name = chance.choice(("worker", "worker", "beat"))
        self._jobs[name].kill()
        self._jobs[name].wait(30)
        time.sleep(chance.uniform(0.0, 0.5))
        self._start_job(name)

    def _kill_database(self, chance: random.Random) -> None:
        self._postgres.crash()
        time.sleep(_away(chance) + _spooling(chance))
        self._start_database()
        self._bring_back()

    def _kill_database_and_worker(self, chance: random.Random) -> None:
        self._postgres.crash()
        time.sleep(chance.uniform(0.0, 1.5))
        if workers := self._workers():
            _kill(chance.choice(workers), "multiprocessing")
        time.sleep(chance.uniform(0.0, 3.0) + _spooling(chance))
        self._start_database()
        self._bring_back()

    def _start_database(self) -> None:
        """Also when the last remains of the dead one still hold its shared memory."""
        for attempt in range(10):
            try:
                self._postgres.start()
                return
            except RuntimeError:
                if attempt == 9:
                    raise
                time.sleep(0.5)

    def _bring_back(self) -> None:
        """Wait for all workers; start the server where it is gone."""
        deadline = time.monotonic() + _PATIENCE
        killed = self.server.has_ended
        while len(self._workers()) < WORKERS and time.monotonic() < deadline:
            if self.server.has_ended:
                if not killed:
                    self.faults.append("the server ended by itself")
                self.server.start()
            time.sleep(0.05)
        self.wait_until_ready()

    def _workers(self) -> list[int]:
        return [pid for pid in _children(self.server.pid) if b"spawn_main" in _command(pid)]

    # ---------------------------------------------------------------- Celery

    def _start_job(self, name: str) -> None:
        options = {"worker": ["--pool", "solo"], "beat": ["--pidfile", ""]}[name]
        command = [sys.executable, "-m", "celery", "-A", "config.celery", name, *options, "--loglevel", "WARNING"]
        with self._log.open("ab") as log:
            self._jobs[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.server.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _end_jobs(self) -> None:
        for process in self._jobs.values():
            process.send_signal(signal.SIGTERM)
        for process in self._jobs.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self._jobs.clear()


def _away(chance: random.Random) -> float:
    """Seconds between a death and the next start: short, seldom longer than a lease."""
    return _LONG if chance.random() < 0.03 else chance.uniform(0.0, 2.0) ** 2 / 2


def _spooling(chance: random.Random) -> float:
    """Often so long that settlements are no longer tried again but written to the spool; seconds."""
    return chance.choice((0.0, 5.0))


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _kill(pid: int, named: str) -> None:
    """SIGKILL, unless the number belongs to another program by now."""
    if named.encode() in _command(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _wait_until_gone(pid: int) -> None:
    for _ in range(500):
        if not _command(pid):
            return
        time.sleep(0.02)


@contextlib.contextmanager
def provider(log: Path, *options: str) -> Iterator[str]:
    """The base URL of a benchmarks.unreliable of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.unreliable", "--log", str(log), *options],
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
