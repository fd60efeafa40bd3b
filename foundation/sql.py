"""Batches of plain SQL, the same text on SQLite and PostgreSQL, on the driver's own cursor.

Django's cursor costs more than many of the statements that go through it. Here it is passed by; the connection, its
transactions and its errors stay Django's.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from django.db import connection


class Cursor(Protocol):
    """The part of Django's cursor that batches use."""

    rowcount: int

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> Any: ...
    def executemany(self, sql: str, param_list: Sequence[Sequence[Any]]) -> Any: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


class _QmarkCursor:
    """The cursor of SQLite's driver, whose placeholder is another one."""

    def __init__(self, cursor: Any) -> None:
        self._execute = cursor.execute
        self._executemany = cursor.executemany
        self.fetchall = cursor.fetchall
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> Any:
        return self._execute(_qmark(sql), params or ())

    def executemany(self, sql: str, param_list: Sequence[Sequence[Any]]) -> Any:
        return self._executemany(_qmark(sql), param_list)


@lru_cache(maxsize=1024)
def _qmark(sql: str) -> str:
    return sql.replace("%s", "?")


@contextmanager
def batch_cursor() -> Iterator[Cursor]:
    """A cursor of the default connection, in whatever transaction it is; errors are Django's."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        raw = connection.connection.cursor()
        try:
            cursor: Cursor = _QmarkCursor(raw) if connection.vendor == "sqlite" else raw
            yield cursor
        finally:
            raw.close()


# PostgreSQL takes 65,535 parameters a statement, SQLite 32,766.
_MOST_ROWS = 100


@lru_cache(maxsize=512)
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    one = "(" + ",".join(["%s"] * len(columns)) + ")"
    return f"INSERT INTO {table} ({','.join(columns)}) VALUES {','.join([one] * rows)}"  # noqa: S608


def insert_rows(cursor: Cursor, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert all rows with as few statements as there are hundreds of them."""
    for start in range(0, len(rows), _MOST_ROWS):
        part = rows[start : start + _MOST_ROWS]
        cursor.execute(_insert(table, columns, len(part)), [value for row in part for value in row])


@lru_cache(maxsize=512)
def placeholders(count: int) -> str:
    """`(%s,%s,…)` for an IN list of `count` values, at least one."""
    return "(" + ",".join(["%s"] * count) + ")"


def distinct(values: Iterable[Any]) -> list[Any]:
    """The different values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def utc(value: datetime | None) -> datetime | None:
    """The instant with its zone: SQLite's driver returns naive UTC."""
    if value is None or value.tzinfo is not None:
        return value
    return value.replace(tzinfo=UTC)
