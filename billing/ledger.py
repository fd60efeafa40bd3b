"""Post to the double-entry ledger. Rows are only ever inserted; a mistake is corrected by a second transaction."""

from dataclasses import dataclass
from typing import Any

from billing.models.ledger import Account
from foundation.sql import Cursor, Table

_TABLE = Table(
    "billing_ledgerentry",
    {
        "transaction": "text",
        "account": "text",
        "organization_id": "bigint",
        "amount": "bigint",
        "grant_id": "bigint",
        "event_id": "bigint",
        "at": "timestamptz",
    },
)


class Unbalanced(ValueError):
    """The entries of a transaction do not sum to zero."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, nano-USD; positive is owed to the customer (credit) or earned (revenue)."""

    account: Account
    amount: int
    grant_id: int | None = None


def rows(
    transaction: str, organization_id: int, lines: list[Line], at: Any, *, event_id: int | None = None
) -> list[tuple[Any, ...]]:
    """The rows of one transaction; raises Unbalanced. Lines of zero are left out. `at` as the database takes it."""
    if sum(line.amount for line in lines):
        raise Unbalanced(f"{transaction} does not sum to zero.")
    return [
        (transaction, str(line.account.value), organization_id, line.amount, line.grant_id, event_id, at)
        for line in lines
        if line.amount
    ]


def insert(cursor: Cursor, entries: list[tuple[Any, ...]]) -> None:
    """Insert rows made by `rows`."""
    cursor.insert(_TABLE, entries)
