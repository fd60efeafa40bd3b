"""uvicorn as this house runs it."""

import fcntl
import socket
import tempfile
from pathlib import Path
from typing import IO

import uvicorn
from django.conf import settings
from uvicorn.supervisors import Multiprocess


def configuration(workers: int) -> uvicorn.Config:
    """No access log: the usage event is the record of a request, and a URL may hold what is private."""
    return uvicorn.Config(
        "config.asgi:application",
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        # A worker answers its parent when it has imported everything, which a busy machine may need long for; who is
        # killed after the usual five seconds begins again, and never comes up.
        timeout_worker_healthcheck=60,
        timeout_graceful_shutdown=int(settings.DRAIN_SECONDS),
    )


def make_room(folder: Path) -> None:
    """Make the folder and write to it, as a settlement will on the day when the database is away; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"room")


def lock(folder: Path) -> IO[bytes]:
    """Keep other servers off the folder until the file is closed or this process ends; raises BlockingIOError."""
    file = (folder / "server.lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def run(listener: socket.socket, workers: int) -> None:
    """Serve until a signal comes."""
    config = configuration(workers)
    if workers == 1:
        uvicorn.Server(config).run([listener])
    else:
        Multiprocess(config, sockets=[listener]).run()
