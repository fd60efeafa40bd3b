"""A throw-away Redis for tests: the machine's own binary on a free loopback port, without persistence."""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Start, freeze, stop and start again on the same port."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
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
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64)[:1] in b"+-":
                    return
            time.sleep(0.02)
        raise RuntimeError("redis-server did not start")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.thaw()
        self._process.kill()
        self._process.wait(10)

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()
