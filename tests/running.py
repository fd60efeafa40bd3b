"""The real server as a process of its own, with a DATA_DIR of its own."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests import ports

ROOT = Path(__file__).resolve().parent.parent
_AT = re.compile(r"^Meterhouse is at (\S+)", re.MULTILINE)
_FIRST = re.compile(r"^  (e-mail|password|API key) +(\S+)$", re.MULTILINE)


@dataclass
class RunningServer:
    """A started `manage.py serve`; `url` has no trailing slash."""

    data_dir: Path
    database_url: str
    redis_url: str = ""
    workers: int = 1
    extra: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _held: socket.socket = field(default_factory=ports.hold)

    @property
    def port(self) -> int:
        """Its own, also between two starts."""
        return ports.number(self._held)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to work beside this server."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        return {
            **kept,
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "STATIC_ROOT": str(self.data_dir / "static"),
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    @property
    def output(self) -> str:
        """Everything it printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def first_start(self) -> dict[str, str]:
        """The operator's `e-mail`, `password` and `API key`, as printed at the first start."""
        return dict(_FIRST.findall(self.output))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, for whatever reason."""
        return self._process.poll() is not None

    @property
    def _log(self) -> Path:
        return self.data_dir / "server.log"

    def start(self, timeout: float = 180.0) -> "RunningServer":
        """Start and wait until it is ready; also again after `stop` or `kill`, on the same port."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        before = len(self.output) if self._log.exists() else 0
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), "--workers", str(self.workers)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := _AT.search(self.output, before):
                self.url = found[1]
                if self._is_ready():
                    return self
            time.sleep(0.05)
        self.end()
        raise RuntimeError(f"the server did not become ready:\n{self.output[before:]}")

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def manage(self, *arguments: str, timeout: float = 120.0) -> str:
        """What a management command prints, run beside the server."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self, timeout: float = 60.0) -> int:
        """Ask it to end and wait; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout)

    def end(self) -> None:
        """Stop it, or kill it when it does not stop in time."""
        try:
            self.stop(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would; the workers of several then stop by themselves."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)
