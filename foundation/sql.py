"""Batches of plain SQL through Django's cursor, the same text on SQLite and PostgreSQL."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol


class Cursor(Protocol):
    """The part of Django's cursor that batches use."""

    rowcount: int

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> Any: ...
    def executemany(self, sql: str, param_list: Sequence[Sequence[Any]]) -> Any: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


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
