"""The command line as a user has it: the one file, run by a Python that sees no installed package."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dashboard import client_file
from tests.running import RunningServer


@dataclass
class Cli:
    """Runs `meterhouse` at home in `folder`."""

    folder: Path
    environment: dict[str, str]

    def __post_init__(self) -> None:
        self.file = self.folder / "meterhouse.pyz"
        self.file.write_bytes(client_file.content())

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-I", "-S", str(self.file)]

    @property
    def known(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **self.environment}

    def __call__(
        self, *arguments: str, typed: str = "", check: int | None = 0, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [*self.command, *arguments],
            env={**self.known, **more},
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        pipe: Any = subprocess.PIPE
        return subprocess.Popen(
            [*self.command, *arguments],
            env={**self.known, **more},
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            # As at a terminal, also when these tests run in the background, where Ctrl+C is ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )


def chat(server: RunningServer, secret: str) -> str:
    """Send a request to the demo model; its id."""
    body = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello!"}]}
    request = urllib.request.Request(
        f"{server.url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.headers["x-request-id"])
