"""A loopback port for a server that a test starts: nobody else gets it, before, between and after its runs."""

import socket


def hold() -> socket.socket:
    """A port of one's own until it is closed; who sets SO_REUSEADDR, as servers do, may listen on it meanwhile.

    The kernel gives a port that is bound to no one by itself: neither to who asks for a free one nor to a connection.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def number(held: socket.socket) -> int:
    return int(held.getsockname()[1])
