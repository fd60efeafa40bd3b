"""What PostgreSQL is told when Django connects to it."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def prepare(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """No statement is compiled: a report has a hundred small parts, whose compiling takes longer than they do.

    For `connection_created`. A statement rather than an option of the connection, which poolers refuse.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
