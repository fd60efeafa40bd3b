"""Read tables of any size in batches: by keyset, so that each page is one search of an index, and no page is missed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

from billing.verification.scope import Scope
from foundation.sql import instant, placeholders, utc

BATCH = 1000
Row = TypeVar("Row", bound=NamedTuple)
Thing = TypeVar("Thing")
Stored = TypeVar("Stored", bound=Model)


class HoldRow(NamedTuple):
    """A hold; up to `admitted_at` its columns are those of its event."""

    id: int
    organization_id: int
    project_id: int
    api_key_id: int
    secret_id: int | None
    user_id: int | None
    request_id: str
    model: str
    stream: bool
    input_price: int
    cached_input_price: int
    output_price: int
    price_ids: str
    admitted_at: datetime
    state: str
    amount: int
    legs: str
    window_legs: str
    input_bound: int
    output_cap: int


class EventRow(NamedTuple):
    """A usage event; up to `occurred_at` its columns are those of its hold."""

    id: int
    organization_id: int
    project_id: int
    api_key_id: int
    secret_id: int | None
    user_id: int | None
    request_id: str
    model: str
    stream: bool
    input_price: int
    cached_input_price: int
    output_price: int
    price_ids: str
    occurred_at: datetime
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    charge: int
    overrun: int


SHARED = EventRow._fields[: EventRow._fields.index("occurred_at") + 1]


class EntryRow(NamedTuple):
    """A ledger entry."""

    transaction: str
    id: int
    account: str
    organization_id: int
    amount: int
    grant_id: int | None
    event_id: int | None
    at: datetime


TABLES: dict[type[Any], str] = {
    HoldRow: "billing_hold",
    EventRow: "usage_usageevent",
    EntryRow: "billing_ledgerentry",
}


def stream(row: type[Row], keys: Sequence[str], scope: Scope) -> Iterator[Row]:
    """Every row of the type's table in the scope, in the order of `keys`, which must be unique together."""
    make = row._make
    for page in pages(TABLES[row], row._fields, keys, scope.where, scope.params):
        yield from map(make, page)


def pages(
    table: str, columns: Sequence[str], keys: Sequence[str], where: str, params: Sequence[Any]
) -> Iterator[list[tuple[Any, ...]]]:
    """Pages of rows in the order of `keys`, which are unique together and among the columns."""
    names, order = _quoted(columns), _quoted(keys)
    places = [columns.index(key) for key in keys]
    after = f"AND ({order}) > {placeholders(len(keys))}"
    last: list[Any] = []
    while True:
        sql = f"SELECT {names} FROM {table} WHERE {where} {after if last else ''} ORDER BY {order} LIMIT {BATCH}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*params, *last])
            page = cursor.fetchall()
        if page:
            yield page
        if len(page) < BATCH:
            return
        last = [as_param(page[-1][place]) for place in places]


def objects(rows: "QuerySet[Stored]") -> Iterator[Stored]:
    """Every object of a query set, by primary key."""
    for page in object_pages(rows):
        yield from page


def object_pages(rows: "QuerySet[Stored]") -> Iterator[list[Stored]]:
    """Pages of objects by primary key."""
    last: Any = None
    while True:
        following = rows if last is None else rows.filter(pk__gt=last)
        page = list(following.order_by("pk")[:BATCH])
        if page:
            yield page
        if len(page) < BATCH:
            return
        last = page[-1].pk


def entries_of(transactions: Sequence[str]) -> dict[str, list[EntryRow]]:
    """The ledger entries of these transactions."""
    found: dict[str, list[EntryRow]] = {}
    if not transactions:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_quoted(EntryRow._fields)} FROM billing_ledgerentry "  # noqa: S608
            f'WHERE "transaction" IN {placeholders(len(transactions))} ORDER BY id',
            transactions,
        )
        for values in cursor.fetchall():
            found.setdefault(values[0], []).append(EntryRow._make(values))
    return found


def existing(table: str, ids: Sequence[int]) -> set[int]:
    """Which of these primary keys the table has."""
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE id IN {placeholders(len(ids))}", ids)  # noqa: S608
        return {row[0] for row in cursor.fetchall()}


def count(table: str, scope: Scope) -> int:
    """The rows of a table with an organization."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {scope.where}", scope.params)  # noqa: S608
        return int(cursor.fetchone()[0])


def chunks(things: Iterable[Thing], size: int = BATCH) -> Iterator[list[Thing]]:
    """Lists of at most `size`."""
    iterator = iter(things)
    while chunk := list(islice(iterator, size)):
        yield chunk


def as_param(value: Any) -> Any:
    """A value that was read, as the database takes it back."""
    if isinstance(value, datetime):
        return instant(utc(value) or value)
    return value


def _quoted(names: Sequence[str]) -> str:
    # `transaction` is a reserved word of SQLite.
    return ", ".join(f'"{name}"' for name in names)
