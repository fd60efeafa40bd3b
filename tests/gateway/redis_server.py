"""A throw-away Redis for tests: the machine's own binary on a loopback port of its own, without persistence."""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from tests import ports
from tests.waiting import until

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """Start, freeze, stop and start again on the same port."""

    def __init__(self, *options: str) -> None:
        self._held = ports.hold()
        self.port = ports.number(self._held)
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        self.socket = str(Path(self._folder.name) / "redis.sock")
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert BINARY
        command = [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--unixsocket", self.socket]
        self._process = subprocess.Popen(
            [*command, "--dir", self._folder.name, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def _wait(self) -> None:
        if not until(lambda: self._answers() or self._process.poll() is not None, every=0.02) or not self._answers():
            raise RuntimeError("redis-server did not start")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64)[:1] in (b"+", b"-")
        return False

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.thaw()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.stop()
        self._held.close()
        self._folder.cleanup()
