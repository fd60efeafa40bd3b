"""Serves an ASGI application on the loopback address as the child of another process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import uvicorn

_GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(application: Any, port: int, *, lifespan: Literal["on", "off"] = "off") -> None:
    """Print the port (0 takes a free one) as the first line, then serve until standard input ends or SIGTERM comes."""
    if not sys.stdin.isatty():
        # An interrupt is for the parent, which closes our standard input when its streams are done.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        application,
        lifespan=lifespan,
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
