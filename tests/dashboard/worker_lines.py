"""Connections to every worker of a server, so that a question can be put to each of them."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.running import RunningServer

# Linux writes addresses of sockets as it has them in memory, ports in order.
_LOOPBACK = "0100007F"
# Seconds: a worker may still be starting.
_PATIENCE = 90


class Line:
    """One kept connection, which one worker serves."""

    def __init__(self, server: RunningServer) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._http.connect()
        self._server = server
        self.worker = self._accepted_by()

    def _accepted_by(self) -> int:
        """The process that took the connection."""
        mine = f"{_LOOPBACK}:{self._http.sock.getsockname()[1]:04X}"
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                words = line.split()
                if words[2] == mine and words[9] != "0" and (pid := _holder(self._server.pid, words[9])):
                    return pid
            time.sleep(0.05)
        raise AssertionError("no worker took the connection")

    def ask(self, secret: str, model: str = "deepseek-chat") -> tuple[int, str]:
        """Status and error code of one chat completion."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
        return self.send("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {secret}"})

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
        self._http.request(method, path, json.dumps(body), {"content-type": "application/json", **headers})
        answer = self._http.getresponse()
        told = json.loads(answer.read() or b"{}")
        return answer.status, told.get("error", {}).get("code", "")

    def close(self) -> None:
        self._http.close()


def _holder(parent: int, inode: str) -> int:
    """The child of the server that has this socket open; 0 when none has yet."""
    for pid in _children(parent):
        for handle in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                if handle.readlink().name == f"socket:[{inode}]":
                    return pid
            except OSError:
                continue
    return 0


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


@contextmanager
def to_every_worker(server: RunningServer) -> Iterator[list[Line]]:
    """One line to each worker: connections are opened until every worker has taken one."""
    lines: dict[int, Line] = {}
    spare: list[Line] = []
    try:
        deadline = time.monotonic() + _PATIENCE
        while len(lines) < server.workers:
            assert time.monotonic() < deadline, f"only {len(lines)} workers take connections"
            line = Line(server)
            if line.worker in lines:
                spare.append(line)
                time.sleep(0.05)
            else:
                lines[line.worker] = line
        yield list(lines.values())
    finally:
        for line in [*lines.values(), *spare]:
            line.close()
