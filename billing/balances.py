"""What an organization has: posted, held and available credit; and what it owes."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, Sum
from django.utils import timezone

from billing import grants
from billing.models import Account, CreditGrant, LedgerEntry


@dataclass(frozen=True, slots=True)
class Balance:
    """All amounts in nano-USD. posted = paid + granted; available = posted - held."""

    paid: int
    granted: int
    held: int

    @property
    def posted(self) -> int:
        return self.paid + self.granted

    @property
    def available(self) -> int:
        return self.posted - self.held


def live_grants(now: datetime) -> Q:
    """Grants that have started and not expired."""
    return Q(starts_at__lte=now) & (Q(expires_at=None) | Q(expires_at__gt=now))


def balance(organization_id: int, now: datetime | None = None) -> Balance:
    """The balance at this moment, with this month's plan credit."""
    now = now or timezone.now()
    grants.ensure_monthly(organization_id, now)
    rows = (
        CreditGrant.objects.filter(live_grants(now), organization_id=organization_id)
        .values_list("is_paid")
        .annotate(amount=Sum("amount"), burned=Sum("burned"), held=Sum("held"))
    )
    paid = granted = held = 0
    for is_paid, amount, burned, held_of in rows:
        held += held_of
        if is_paid:
            paid += amount - burned
        else:
            granted += amount - burned
    return Balance(paid=paid, granted=granted, held=held)


def owed(organization_id: int) -> int:
    """Nano-USD of usage from elsewhere that no credit covered; it is in no balance."""
    entries = LedgerEntry.objects.filter(organization_id=organization_id, account=Account.RECEIVABLE)
    return -(entries.aggregate(total=Sum("amount"))["total"] or 0)
