"""What came onto an organization's credit and went off it, line by line, with the balance after each line.

Usage is one line a day of the organization's zone, from the sums that reports add up: each request is in the usage, on
its day, or on the day on which it was charged where that was reported later. So a day that is over does not change.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import cast

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organization
from billing import grants
from billing.models import Account, CreditGrant, LedgerEntry
from foundation import periods
from foundation.consistent_read import one_moment
from usage import reports
from usage.reports import Filter

USAGE, EXPIRY, GRANT, ADJUSTMENT, OWED = "usage", "expiry", "grant", "adjustment", "owed"
# At one instant: a day's usage ends before what expires or begins with the next day.
_ORDER = (USAGE, OWED, EXPIRY, GRANT, ADJUSTMENT)
# What was charged late goes from where reports see it to where the ledger has it.
_LATE = (
    "(SELECT organization_id, charged_in AS bucket, charge, requests FROM billing_lateusage) late WHERE 1 = 1",
    "(SELECT organization_id, used_in AS bucket, -charge AS charge, -requests AS requests FROM billing_lateusage) late "
    "WHERE 1 = 1",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One change; `amount` and the `balance` after it in nano-USD. `day` is of the organization's zone."""

    kind: str
    at: datetime
    day: date
    amount: int
    balance: int = 0
    requests: int = 0
    grant: CreditGrant | None = None
    transaction: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """Lines newest first; opening + their sum = closing, and the closing of today is the posted balance."""

    first: date
    last: date
    opening: int
    closing: int
    lines: list[Line]


def read(organization: Organization, first: date, last: date, now: datetime | None = None) -> Statement:
    """The changes of the zone's days from first to last, both included."""
    now = now or timezone.now()
    zone = organization.zone
    grants.ensure_monthly(organization.pk, now)
    edges = reports.day_edges(first, last, zone)
    # What came after the last day is needed too: the one balance that is stored is today's.
    edges.append(max(edges[-1], now) + periods.BUCKET)
    with one_moment():
        used, burned = _used_and_burned(organization, edges)
        given = list(CreditGrant.objects.filter(organization=organization, pk__in=burned))
        adjusted = _adjustments(organization, edges[0])
        owed = list(_owed(organization, edges[0]))
    for one in given:
        one.burned = burned[one.pk]
    posted = sum(one.amount - one.burned for one in given if _is_live(one, now))
    found = [
        *(_usage(sums, bounds, now, organization) for sums, bounds in zip(used, pairwise(edges), strict=True)),
        *(line for one in given for line in _of_grant(one, organization)),
        *(Line(ADJUSTMENT, at, periods.day_of(at, zone), amount, transaction=name) for name, at, amount in adjusted),
        *owed,
    ]
    found.sort(key=lambda line: (line.at, _ORDER.index(line.kind)))
    return _balanced([line for line in found if line.amount and _has_come(line, now)], posted, first, last)


def _balanced(found: list[Line], posted: int, first: date, last: date) -> Statement:
    """Backwards from what is posted now."""
    balance = posted
    lines = []
    for line in reversed(found):
        if line.day < first:
            break
        if line.day <= last:
            lines.append(replace(line, balance=balance))
        balance -= line.amount
    closing = lines[0].balance if lines else balance
    return Statement(first, last, balance, closing, lines)


def _has_come(line: Line, now: datetime) -> bool:
    """Whether the posted balance has it. What was booked since `now` is there too: only grants can lie ahead."""
    if line.grant is None:
        return True
    return line.at <= now if line.kind == EXPIRY else _has_begun(line.grant, now)


def _has_begun(grant: CreditGrant, now: datetime) -> bool:
    """What burned has begun, although our clock was read before: the usage that it paid for is there, too."""
    return grant.starts_at <= now or grant.burned > 0


def _is_live(grant: CreditGrant, now: datetime) -> bool:
    return _has_begun(grant, now) and (grant.expires_at is None or grant.expires_at > now)


def _used_and_burned(organization: Organization, edges: list[datetime]) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Charge and requests of each period, and what each grant burned: one statement, also inside a transaction."""
    everything = Filter(organization.pk, edges[0], edges[-1])
    source, params = reports.source_of(everything, (), edges, ("charge", "requests"), _LATE)
    sql = (
        "SELECT 0, id, burned, 0 FROM billing_creditgrant WHERE organization_id = %s UNION ALL "  # noqa: S608
        f"SELECT 1, period, SUM(charge), SUM(requests) FROM ({source}) s GROUP BY period"
    )
    used = [(0, 0)] * (len(edges) - 1)
    burned: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [organization.pk, *params])
        for is_usage, number, amount, requests in cursor.fetchall():
            if is_usage:
                used[number] = (int(amount), int(requests))
            else:
                burned[number] = int(amount)
    return used, burned


def _usage(sums: tuple[int, int], bounds: tuple[datetime, datetime], now: datetime, organization: Organization) -> Line:
    """A day's usage stands at its end; today's, now."""
    (charge, requests), (start, end) = sums, bounds
    return Line(USAGE, min(end, now), periods.day_of(start, organization.zone), -charge, requests=requests)


def _of_grant(grant: CreditGrant, organization: Organization) -> Iterator[Line]:
    """What it gave when it began, and what was left of it when it ended."""
    zone = organization.zone
    begins = max(grant.created_at, grant.starts_at)
    yield Line(GRANT, begins, periods.day_of(begins, zone), grant.amount, grant=grant)
    if grant.expires_at is not None:
        # The last moment belongs to the day that it ends.
        day = periods.day_of(grant.expires_at - timedelta(microseconds=1), zone)
        yield Line(EXPIRY, grant.expires_at, day, grant.burned - grant.amount, grant=grant)


def _owed(organization: Organization, since: datetime) -> Iterator[Line]:
    """Usage from elsewhere that no credit covered, day by day: it took nothing off the balance, and is still to pay."""
    entries = LedgerEntry.objects.filter(organization=organization, account=Account.RECEIVABLE, at__gte=since)
    days: dict[date, tuple[datetime, int]] = {}
    for at, amount in entries.order_by("at").values_list("at", "amount"):
        day = periods.day_of(at, organization.zone)
        days[day] = at, days.get(day, (at, 0))[1] - amount
    for day, (at, amount) in days.items():
        yield Line(OWED, at, day, amount)


def _adjustments(organization: Organization, since: datetime) -> list[tuple[str, datetime, int]]:
    """Ledger transactions on the credit that are neither a request's nor a grant's."""
    entries = LedgerEntry.objects.filter(
        organization=organization, account=Account.CREDIT, event_id=None, at__gte=since
    ).exclude(transaction__startswith="grant:")
    rows = entries.order_by().values_list("transaction", "at").annotate(amount=Sum("amount"))
    return cast("list[tuple[str, datetime, int]]", list(rows))
