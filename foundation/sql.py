"""Batches of plain SQL, the same text on SQLite and PostgreSQL, on the driver's own cursor.

Django's cursor costs more than many of the statements that go through it. Here it is passed by; the connection, its
transactions and its errors stay Django's.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import orjson
import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.types.numeric import Int8BinaryDumper


@dataclass(frozen=True)
class Table:
    """A table that batches insert into: its columns with their types on PostgreSQL."""

    name: str
    columns: dict[str, str]
    # What becomes of a row that is inserted but there already, as `ON CONFLICT ...`.
    on_conflict: str = ""

    @cached_property
    def names(self) -> str:
        """The columns as SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @cached_property
    def insert_one(self) -> str:
        """One row a statement."""
        values = ", ".join(["%s"] * len(self.columns))
        return f"INSERT INTO {self.name} ({self.names}) VALUES ({values}) {self.on_conflict}"  # noqa: S608

    @cached_property
    def insert_arrays(self) -> str:
        """All rows in one statement that is the same for any number of them: an array a column."""
        arrays = ", ".join(f"%s::{kind}[]" for kind in self.columns.values())
        return f"INSERT INTO {self.name} ({self.names}) SELECT * FROM unnest({arrays}) {self.on_conflict}"  # noqa: S608

    @cached_property
    def copy_in(self) -> str:
        """Thousands of rows at once, where the database can."""
        return f"COPY {self.name} ({self.names}) FROM STDIN"


class Result(Protocol):
    """What a statement gave; to be read after its `together`."""

    @property
    def rowcount(self) -> int: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


class Cursor(Protocol):
    """What batches need of a connection. A list is one parameter: `column = ANY(%s)`, on both databases."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Result: ...
    def insert(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Insert all rows, in their order."""

    def copy(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """The same for thousands of rows; not inside `together`."""

    def together(self) -> AbstractContextManager[Any]:
        """Statements inside go in one round trip where the database is elsewhere; read their results afterwards."""


class _SqliteCursor:
    def __init__(self, raw: Any) -> None:
        self._cursor = raw.cursor

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Result:
        values = [orjson.dumps(value).decode() if type(value) is list else value for value in params]
        found: Result = self._cursor().execute(_sqlite_text(sql), values)
        return found

    def insert(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._cursor().executemany(_sqlite_text(table.insert_one), rows)

    def copy(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        self.insert(table, rows)

    def together(self) -> AbstractContextManager[Any]:
        return nullcontext()


@lru_cache(maxsize=1024)
def _sqlite_text(sql: str) -> str:
    return sql.replace("= ANY(%s)", "IN (SELECT value FROM json_each(%s))").replace("%s", "?")


class _PostgresCursor:
    """The driver's cursors with parameters bound by the server, so that statements are prepared once a connection."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.together = raw.pipeline
        self._users = 0
        self._idle: list[Any] = []
        self._busy: list[Any] = []

    def __enter__(self) -> "_PostgresCursor":
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            # Nobody reads these results any more.
            self._idle += self._busy
            self._busy.clear()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Result:
        cursor = self._idle.pop() if self._idle else self._new()
        self._busy.append(cursor)
        found: Result = cursor.execute(sql, [_array(value) if type(value) is list else value for value in params])
        return found

    def insert(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            columns = zip(table.columns.values(), zip(*rows, strict=True), strict=True)
            self.execute(table.insert_arrays, [_TEXTS[kind](column) for kind, column in columns])

    def copy(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            columns = zip(table.columns.values(), zip(*rows, strict=True), strict=True)
            lines = zip(*(_COPIED[kind](column) for kind, column in columns), strict=True)
            with self._raw.cursor() as cursor, cursor.copy(table.copy_in) as copying:
                copying.write("\n".join(map("\t".join, lines)))

    def _new(self) -> Any:
        cursor = psycopg.Cursor(self._raw)
        # One type for all integers: a statement is prepared again for every other combination of types.
        cursor.adapters.register_dumper(int, Int8BinaryDumper)
        return cursor


def _array(values: list[Any]) -> str:
    return _integers(values) if values and type(values[0]) is int else _strings(values)


# Arrays as text: their type is then the column's, whatever the sizes of the numbers, and they are quickly made.
def _integers(values: Iterable[int | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _strings(values: Iterable[str | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    if value.isalnum() and value.upper() != "NULL":
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _instants(values: Iterable[datetime | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def _booleans(values: Iterable[bool | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


_TEXTS: dict[str, Callable[[Iterable[Any]], str]] = {
    "bigint": _integers,
    "text": _strings,
    "timestamptz": _instants,
    "boolean": _booleans,
}


# The text format of COPY.
def _copied_integers(values: Iterable[int | None]) -> list[str]:
    return ["\\N" if value is None else str(value) for value in values]


def _copied_strings(values: Sequence[str | None]) -> list[str]:
    # Nearly always nothing has to be escaped, which one look at all of them tells.
    together = "".join([value for value in values if value])
    if "\\" in together or "\t" in together or "\n" in together or "\r" in together:
        return ["\\N" if value is None else _escaped(value) for value in values]
    return ["\\N" if value is None else value for value in values]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _copied_instants(values: Iterable[datetime | None]) -> list[str]:
    return ["\\N" if value is None else value.isoformat() for value in values]


def _copied_booleans(values: Iterable[bool | None]) -> list[str]:
    return ["\\N" if value is None else "t" if value else "f" for value in values]


_COPIED: dict[str, Callable[[Sequence[Any]], list[str]]] = {
    "bigint": _copied_integers,
    "text": _copied_strings,
    "uuid": _copied_strings,
    "timestamptz": _copied_instants,
    "boolean": _copied_booleans,
}

# What is known of types and statements is made once a connection.
_cursors: "WeakKeyDictionary[Any, _PostgresCursor]" = WeakKeyDictionary()


def _postgres_cursor(raw: Any) -> _PostgresCursor:
    found = _cursors.get(raw)
    if found is None:
        if settings.DATABASE_PREPARED_STATEMENTS:
            raw.prepare_threshold = 0
        found = _cursors[raw] = _PostgresCursor(raw)
    return found


class batch_cursor:
    """Plain SQL on the default connection, in whatever transaction it is; errors are Django's.

    A class, because a generator would cost five times as much.
    """

    def __enter__(self) -> Cursor:
        wrapper = connections[DEFAULT_DB_ALIAS]
        wrapper.ensure_connection()
        self._errors = wrapper.wrap_database_errors
        self._errors.__enter__()
        raw = wrapper.connection
        self._postgres = _postgres_cursor(raw) if wrapper.vendor == "postgresql" else None
        return self._postgres.__enter__() if self._postgres else _SqliteCursor(raw)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._postgres:
            self._postgres.__exit__()
        self._errors.__exit__(kind, error, trace)


def instant(at: datetime) -> Any:
    """An aware instant as the driver takes it."""
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return at
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


@lru_cache(maxsize=512)
def placeholders(count: int) -> str:
    """`(%s,%s,…)` for an IN list of `count` values, at least one, on Django's cursor."""
    return "(" + ",".join(["%s"] * count) + ")"


def distinct(values: Iterable[Any]) -> list[Any]:
    """The different values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def utc(value: datetime | None) -> datetime | None:
    """The instant with its zone: SQLite's driver returns naive UTC."""
    if value is None or value.tzinfo is not None:
        return value
    return value.replace(tzinfo=UTC)
