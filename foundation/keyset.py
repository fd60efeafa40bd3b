"""Read tables of any size in pages: by keyset, so that each page is one search of an index and no row is missed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

from foundation.sql import instant, placeholders, utc

PAGE = 1000
Thing = TypeVar("Thing")
Stored = TypeVar("Stored", bound=Model)


def pages(
    table: str, columns: Sequence[str], keys: Sequence[str], where: str = "1 = 1", params: Sequence[Any] = ()
) -> Iterator[list[tuple[Any, ...]]]:
    """Pages of rows in the order of `keys`, which are unique together and among the columns.

    Instants come as the driver has them: without a zone on SQLite.
    """
    names, order = quoted(columns), quoted(keys)
    places = [columns.index(key) for key in keys]
    after = f"AND ({order}) > {placeholders(len(keys))}"
    last: list[Any] = []
    while True:
        sql = f"SELECT {names} FROM {table} WHERE {where} {after if last else ''} ORDER BY {order} LIMIT {PAGE}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*params, *last])
            page = cursor.fetchall()
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = [_as_param(page[-1][place]) for place in places]


def object_pages(rows: "QuerySet[Stored]") -> Iterator[list[Stored]]:
    """Pages of objects by primary key."""
    last: Any = None
    while True:
        following = rows if last is None else rows.filter(pk__gt=last)
        page = list(following.order_by("pk")[:PAGE])
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].pk


def chunks(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    """Lists of a page's length."""
    iterator = iter(things)
    while chunk := list(islice(iterator, PAGE)):
        yield chunk


def quoted(names: Sequence[str]) -> str:
    """Columns as SQL: some, such as `transaction`, are reserved words."""
    return ", ".join(f'"{name}"' for name in names)


def _as_param(value: Any) -> Any:
    """A value that was read, as the database takes it back."""
    return instant(utc(value) or value) if isinstance(value, datetime) else value
