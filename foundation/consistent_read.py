"""Read one moment of the database, however long the reading takes, while others write to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

# SQLite keeps a moment from the first read on, PostgreSQL only at this level of isolation.
_BEGIN = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything that is read inside is of one moment; nothing may be written.

    Inside a transaction it changes nothing: what is read is what that transaction sees.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
    try:
        yield
    finally:
        _end()


def _end() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
    except DatabaseError:
        # The server is gone, and the transaction with it.
        connection.close()
