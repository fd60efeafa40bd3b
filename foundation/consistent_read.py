"""Read one moment of the database, however long the reading takes, while others write to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

# SQLite keeps a moment from the first read on, PostgreSQL only at this level of isolation.
_BEGIN = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
# Connections are of one thread, too.
_reading = threading.local()


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything that is read inside is of one moment; nothing may be written.

    Inside a transaction or another `one_moment` it changes nothing: what is read is what that one sees.
    """
    if connection.in_atomic_block or is_reading():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
    _reading.on = True
    try:
        yield
    finally:
        _reading.on = False
        _end()


def is_reading() -> bool:
    """Whether this thread is inside `one_moment`."""
    return getattr(_reading, "on", False)


def _end() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
    except DatabaseError:
        # The server is gone, and the transaction with it.
        connection.close()
