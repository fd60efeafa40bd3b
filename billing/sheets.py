"""The books of an organization as sheets: exact amounts, instants in UTC."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from accounts.models import Organization
from billing import statement
from billing.models import Account, CreditGrant, LedgerEntry
from billing.statement import Statement
from foundation.money import CURRENCY, usd_string
from foundation.sheet import Row, Sheet
from usage.models import UsageEvent
from usage.sheets import instant

_AT_ONCE = 1000
_STATEMENT = (
    "at", "day", "time_zone", "type", "credit_kind", "reference", "note", "requests", "amount", "balance_after",
    "currency",
)  # fmt: skip
_ENTRIES = ("at", "entry_id", "transaction", "type", "request_id", "grant_id", "credit_kind", "amount", "currency")


def of_statement(organization: Organization, read: Statement) -> Sheet:
    """Its lines, oldest first, so that the balance adds up from line to line."""
    zone = organization.zone.key
    rows: list[Row] = []
    for line in reversed(read.lines):
        grant = line.grant
        rows.append(
            [
                instant(line.at), line.day.isoformat(), zone, line.kind, grant.kind if grant else "",
                grant.source if grant else line.transaction, grant.note if grant else "",
                line.requests if line.kind == statement.USAGE else None, usd_string(line.amount),
                usd_string(line.balance), CURRENCY,
            ]
        )  # fmt: skip
    return Sheet(_STATEMENT, [rows], frozenset({"reference", "note"}))


def of_entries(organization: Organization, start: datetime, end: datetime) -> Sheet:
    """Every entry on the organization's credit from `start` to before `end`, oldest first; a part at a time."""

    def parts() -> Iterator[list[Row]]:
        ours = LedgerEntry.objects.filter(
            organization=organization, account=Account.CREDIT, at__gte=start, at__lt=end
        ).order_by("at", "pk")
        part = list(ours[:_AT_ONCE])
        while part:
            yield _entry_rows(part)
            if len(part) < _AT_ONCE:
                return
            last = part[-1]
            part = list(ours.filter(at__gte=last.at).filter(Q(at__gt=last.at) | Q(pk__gt=last.pk))[:_AT_ONCE])

    return Sheet(_ENTRIES, parts(), frozenset({"request_id"}))


def _entry_rows(entries: list[LedgerEntry]) -> list[Row]:
    events = {entry.event_id for entry in entries if entry.event_id}
    requests = dict(UsageEvent.objects.filter(pk__in=events).values_list("pk", "request_id"))
    grants = {entry.grant_id for entry in entries if entry.grant_id}
    kinds = dict(CreditGrant.objects.filter(pk__in=grants).values_list("pk", "kind"))
    return [
        [
            instant(entry.at), str(entry.pk), entry.transaction, entry_type(entry),
            requests.get(entry.event_id or 0), None if entry.grant_id is None else f"grant_{entry.grant_id}",
            kinds.get(entry.grant_id or 0), usd_string(entry.amount), CURRENCY,
        ]
        for entry in entries
    ]  # fmt: skip


def entry_type(entry: LedgerEntry) -> str:
    """usage, grant or adjustment."""
    if entry.event_id or entry.transaction.startswith("ingest:"):
        return statement.USAGE
    return statement.GRANT if entry.transaction.startswith("grant:") else statement.ADJUSTMENT
