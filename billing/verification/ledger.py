"""The double-entry ledger: every transaction sums to zero and has what it tells of."""

from collections.abc import Iterator
from itertools import groupby

from billing.models import Account
from billing.verification.difference import Difference, difference
from billing.verification.rows import EntryRow, count, existing, stream
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from foundation.keyset import chunks

Transaction = list[EntryRow]
_ACCOUNTS = frozenset(Account.values)
_CREDIT = str(Account.CREDIT)


def check(scope: Scope, tally: Tally) -> Iterator[Difference]:
    """Every transaction; fills the tally of what was granted and burned."""
    scope.progress.begin("ledger entries", count("billing_ledgerentry", scope))
    entries = stream(EntryRow, ["transaction", "id"], scope)
    transactions = (list(group) for _, group in groupby(entries, key=lambda entry: entry.transaction))
    for chunk in chunks(transactions):
        events = existing("usage_usageevent", _numbers(chunk, "event"))
        batches = existing("billing_ingestionbatch", _numbers(chunk, "ingest"))
        for one in chunk:
            yield from _balanced(one)
            yield from _explained(one, events, batches, tally)
            _add(one, tally)
        scope.progress.advance(sum(map(len, chunk)))


def _balanced(one: Transaction) -> Iterator[Difference]:
    name = one[0].transaction
    total = sum(entry.amount for entry in one)
    if total:
        yield difference("transaction", name, "sum of its entries", 0, total)
    organizations = {entry.organization_id for entry in one}
    if len(organizations) > 1:
        yield difference("transaction", name, "organizations", "one", sorted(organizations))
    for entry in one:
        if entry.account not in _ACCOUNTS:
            yield difference("transaction", name, f"account of entry {entry.id}", "a known one", entry.account)


def _explained(one: Transaction, events: set[int], batches: set[int], tally: Tally) -> Iterator[Difference]:
    """A transaction is an event's, a batch's or a grant's, and nothing else moves credit."""
    name = one[0].transaction
    event_id, grant_id, batch_id = (_number(one, kind) for kind in ("event", "grant", "ingest"))
    if event_id is not None:
        if event_id not in events:
            yield difference("transaction", name, "its usage event", "one", None)
    elif batch_id is not None:
        if batch_id not in batches:
            yield difference("transaction", name, "its ingestion batch", "one", None)
    elif grant_id is not None:
        yield from _granted(one, grant_id, tally)
    else:
        yield difference("transaction", name, "what it tells of", "an event or a grant", "nothing known")


def _granted(one: Transaction, grant_id: int, tally: Tally) -> Iterator[Difference]:
    name = one[0].transaction
    accounts = sorted(entry.account for entry in one)
    if len(one) != 2 or accounts.count(_CREDIT) != 1:
        yield difference("transaction", name, "entries", "credit, and where it comes from", ", ".join(accounts))
    for entry in one:
        if entry.grant_id != grant_id or entry.event_id is not None:
            found = f"grant {entry.grant_id}, event {entry.event_id}"
            yield difference("transaction", name, f"subject of entry {entry.id}", f"grant {grant_id}", found)
        if entry.account != _CREDIT:
            tally.source[grant_id] = entry.account


def _add(one: Transaction, tally: Tally) -> None:
    is_grant = _number(one, "grant") is not None
    for entry in one:
        if entry.account != _CREDIT:
            continue
        tally.credit[entry.organization_id] += entry.amount
        if entry.grant_id is None:
            continue
        if is_grant:
            tally.granted[entry.grant_id] += entry.amount
        else:
            tally.burned[entry.grant_id] -= entry.amount


def _numbers(chunk: list[Transaction], kind: str) -> list[int]:
    return [pk for one in chunk if (pk := _number(one, kind)) is not None]


def _number(one: Transaction, kind: str) -> int | None:
    """The id of the event, batch or grant that the transaction names."""
    name, _, number = one[0].transaction.partition(":")
    return int(number) if name == kind and number.isdecimal() else None
