"""The raw facts as rows, millions of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db import connection

from billing.verification.scope import Scope
from foundation.keyset import pages, quoted
from foundation.sql import placeholders
from usage.models.event import AMENDED, VOIDED

Row = TypeVar("Row", bound=NamedTuple)


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
    batch_id: int | None


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


class BatchRow(NamedTuple):
    """An ingestion batch."""

    id: int
    organization_id: int
    received_at: datetime
    first_event_id: int
    last_event_id: int
    events: int
    charge: int
    window_legs: str


class LateRow(NamedTuple):
    """What was charged in another bucket than it was used in."""

    organization_id: int
    charged_in: datetime
    used_in: datetime
    requests: int
    charge: int


class IngestedRow(NamedTuple):
    """A usage event that was ingested."""

    id: int
    organization_id: int
    project_id: int
    api_key_id: int
    model: str
    occurred_at: datetime
    usage_source: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    input_price: int
    cached_input_price: int
    output_price: int
    charge: int
    overrun: int
    source: str
    external_id: str
    identity: Any
    batch_id: int


TABLES: dict[type[Any], str] = {
    HoldRow: "billing_hold",
    EventRow: "usage_usageevent",
    EntryRow: "billing_ledgerentry",
    BatchRow: "billing_ingestionbatch",
    LateRow: "billing_lateusage",
}


def stream(row: type[Row], keys: Sequence[str], scope: Scope) -> Iterator[Row]:
    """Every row of the type's table in the scope, in the order of `keys`, which must be unique together."""
    make = row._make
    for page in pages(TABLES[row], row._fields, keys, scope.where, scope.params):
        yield from map(make, page)


def entries_of(transactions: Sequence[str]) -> dict[str, list[EntryRow]]:
    """The ledger entries of these transactions."""
    found: dict[str, list[EntryRow]] = {}
    if not transactions:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {quoted(EntryRow._fields)} FROM billing_ledgerentry "  # noqa: S608
            f'WHERE "transaction" IN {placeholders(len(transactions))} ORDER BY id',
            transactions,
        )
        for values in cursor.fetchall():
            found.setdefault(values[0], []).append(EntryRow._make(values))
    return found


def ingested_between(first: int, last: int) -> Iterator[IngestedRow]:
    """The ingested events with ids from `first` to `last`."""
    where = "batch_id IS NOT NULL AND id >= %s AND id <= %s"
    for page in pages("usage_usageevent", IngestedRow._fields, ["id"], where, [first, last]):
        yield from map(IngestedRow._make, page)


def ingested(ids: Sequence[int]) -> list[IngestedRow]:
    """The ingested events with these ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {quoted(IngestedRow._fields)} FROM usage_usageevent "  # noqa: S608
            f"WHERE batch_id IS NOT NULL AND id IN {placeholders(len(ids))}",
            ids,
        )
        return list(map(IngestedRow._make, cursor.fetchall()))


def requests_of(usage_source: str) -> int:
    """How many requests an event stands for: a correction is none, and one that voids takes it away."""
    return {VOIDED: -1, AMENDED: 0}.get(usage_source, 1)


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
