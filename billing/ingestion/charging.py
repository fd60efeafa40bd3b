"""Take what a batch costs off the organization's credit, or give back what it took too much. Nothing is refused.

What no credit covers is posted as owed. What is given back lessens first what is owed, then what was burned last: as if
it had never been used.
"""

from datetime import UTC, datetime

from billing import ledger
from billing.allocation import Credit, allocate
from billing.balances import live_grants, owed
from billing.ledger import Line
from billing.models import Account, CreditGrant
from billing.moment import Moment
from foundation.sql import Cursor

_BURN = "UPDATE billing_creditgrant SET burned = burned + %s WHERE id = %s AND amount >= burned + held + %s"
_UNBURN = "UPDATE billing_creditgrant SET burned = burned - %s WHERE id = %s AND burned >= %s"
_NEVER = datetime.max.replace(tzinfo=UTC)


class Moved(RuntimeError):
    """A grant is not what it was read as, although it was locked."""


def transaction(batch_id: int) -> str:
    """The name of a batch's ledger transaction."""
    return f"ingest:{batch_id}"


def charge(cursor: Cursor, organization_id: int, batch_id: int, amount: int, moment: Moment) -> None:
    """Post `amount` nano-USD, below zero to give back. Locks the grants in the order in which requests move them."""
    if not amount:
        return
    lines = (
        _burn(cursor, organization_id, amount, moment)
        if amount > 0
        else _give_back(cursor, organization_id, -amount, moment)
    )
    lines.append(Line(Account.REVENUE, amount))
    ledger.insert(cursor, ledger.rows(transaction(batch_id), organization_id, lines, moment.value, event_id=batch_id))


def _burn(cursor: Cursor, organization_id: int, amount: int, moment: Moment) -> list[Line]:
    live = CreditGrant.objects.filter(live_grants(moment.now), organization_id=organization_id)
    found = _in_order(list(live.select_for_update(no_key=True).order_by("pk")))
    credits = [
        Credit(one.pk, one.source, one.amount, one.burned + one.held, one.amount - one.burned - one.held)
        for one in found
    ]
    covered = min(amount, sum(credit.available for credit in credits))
    legs = allocate(credits, covered) or ()
    for leg in sorted(legs, key=lambda leg: leg.grant_id):
        _move(cursor, _BURN, leg.grant_id, leg.amount)
    lines = [Line(Account.CREDIT, -leg.amount, leg.grant_id) for leg in legs]
    return [*lines, Line(Account.RECEIVABLE, covered - amount)]


def _give_back(cursor: Cursor, organization_id: int, amount: int, moment: Moment) -> list[Line]:
    forgiven = min(amount, owed(organization_id))
    lines = [Line(Account.RECEIVABLE, forgiven)]
    left = amount - forgiven
    if not left:
        return lines
    every = CreditGrant.objects.filter(organization_id=organization_id, burned__gt=0)
    found = _in_order(list(every.select_for_update(no_key=True).order_by("pk")))
    # What still lives is worth something: that first, and of it what burned last.
    found.sort(key=lambda one: one.starts_at <= moment.now < (one.expires_at or _NEVER))
    parts = {}
    for grant in reversed(found):
        parts[grant.pk] = min(left, grant.burned)
        left -= parts[grant.pk]
    if left:
        raise Moved(f"Organization {organization_id} was never charged what is to be given back.")
    for grant_id, part in sorted(parts.items()):
        if part:
            _move(cursor, _UNBURN, grant_id, part)
    return [*lines, *(Line(Account.CREDIT, part, grant_id) for grant_id, part in parts.items())]


def _in_order(found: list[CreditGrant]) -> list[CreditGrant]:
    """In the order of burning."""
    return sorted(found, key=lambda one: (one.priority, one.expires_at or _NEVER, one.is_paid, one.pk))


def _move(cursor: Cursor, sql: str, grant_id: int, amount: int) -> None:
    if cursor.execute(sql, [amount, grant_id, amount]).rowcount != 1:
        raise Moved(f"Grant {grant_id} moved meanwhile.")
