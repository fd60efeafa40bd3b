"""The ledger transaction of an ingestion batch: revenue is its charge, credit and what is owed pay for it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from billing.ingestion import charging
from billing.models import Account, CreditGrant
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import BatchRow, EntryRow
from foundation.sql import utc

_PAYING = (str(Account.CREDIT), str(Account.RECEIVABLE))
_NEVER = datetime.max.replace(tzinfo=UTC)


def transaction(batch: BatchRow) -> str:
    """Its name."""
    return charging.transaction(batch.id)


def check(batch: BatchRow, entries: list[EntryRow]) -> Iterator[Difference]:
    """That it sums to zero is said of every transaction elsewhere."""
    revenue = sum(entry.amount for entry in entries if entry.account == Account.REVENUE)
    yield from compare("batch", batch.id, [("revenue by the ledger", batch.charge, revenue)])
    paying = [entry for entry in entries if entry.account != Account.REVENUE]
    for entry in paying:
        is_wrong_way = (entry.amount > 0) == (batch.charge > 0)
        if entry.account not in _PAYING or is_wrong_way:
            found = f"{entry.account} {entry.amount}"
            yield difference("batch", batch.id, "what pays for it", "credit and what is owed", found)
    for entry in entries:
        about: Any = (entry.organization_id, entry.event_id, entry.at)
        if about != (batch.organization_id, batch.id, batch.received_at):
            values: list[tuple[str, Any, Any]] = [
                ("organization of its ledger entry", batch.organization_id, entry.organization_id),
                ("batch of its ledger entry", batch.id, entry.event_id),
                ("instant of its ledger entry", batch.received_at, entry.at),
            ]
            yield from compare("batch", batch.id, values)
    yield from _credit(batch, [entry for entry in paying if entry.account == Account.CREDIT])


def _credit(batch: BatchRow, entries: list[EntryRow]) -> Iterator[Difference]:
    """Credit of the organization, alive when the batch arrived unless something is given back to it."""
    if not entries:
        return
    grants = CreditGrant.objects.in_bulk([entry.grant_id for entry in entries if entry.grant_id])
    at = utc(batch.received_at) or _NEVER
    for entry in entries:
        grant = grants.get(entry.grant_id or 0)
        if grant is None or grant.organization_id != batch.organization_id:
            yield difference("batch", batch.id, "grant that pays for it", "its organization's", entry.grant_id)
        elif entry.amount < 0 and not grant.starts_at <= at < (grant.expires_at or _NEVER):
            life = f"arrival while grant {grant.pk} lives, {grant.starts_at} to {grant.expires_at or 'ever'}"
            yield difference("batch", batch.id, "life of its credit", life, at)
