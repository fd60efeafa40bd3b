"""`python -m gateway.demo --port 0`: prints its port, serves on the loopback address, ends with its standard input."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import uvicorn

from gateway import tokens
from gateway.demo.app import DemoApp

_DELAY_MS = 4.0
_GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> None:
    """Serve until standard input ends or SIGTERM comes."""
    parser = argparse.ArgumentParser(prog="gateway.demo", description="An OpenAI-compatible provider that echoes.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--delay-ms", type=float, default=_DELAY_MS, help="milliseconds a token")
    options = parser.parse_args()
    if not sys.stdin.isatty():
        # An interrupt is for the parent, which closes our standard input when its streams are done.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    tokens.warm()
    listener = socket.create_server(("127.0.0.1", options.port))
    config = uvicorn.Config(
        DemoApp(options.delay_ms / 1000),
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(_Server(config), listener))


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    loop.add_signal_handler(signal.SIGTERM, stop)
    if sys.stdin.isatty():
        loop.add_signal_handler(signal.SIGINT, stop)
    threading.Thread(target=_watch_parent, args=(loop, stop), name="parent", daemon=True).start()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve(sockets=[listener])


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    # Below sys.stdin: a daemon thread inside its buffer's lock would break the interpreter's end.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop)


if __name__ == "__main__":
    main()
