"""Tell that little credit is left: once, until there is more again."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import Organization
from billing import balances
from billing.models import CreditGrant, EventType, LowBalance, OutboxMessage
from foundation.money import CURRENCY, usd_string

# What ended longer ago was looked at when it did.
_LATELY = timedelta(days=2)


def watch_balances(now: datetime | None = None) -> int:
    """Look at every organization's credit in force; how many became low. Any process may run it."""
    now = now or timezone.now()
    live = CreditGrant.objects.filter(balances.live_grants(now)).order_by().values_list("organization")
    sums = {
        organization_id: (given, left)
        for organization_id, given, left in live.annotate(given=Sum("amount"), left=Sum(F("amount") - F("burned")))
    }
    low = {organization_id for organization_id, (given, left) in sums.items() if is_low(left, given)}
    low |= _ran_out(now) - set(sums)
    known = set(LowBalance.objects.values_list("organization_id", flat=True))
    for organization_id in sorted(known & set(sums) - low):
        LowBalance.objects.filter(organization_id=organization_id).delete()
    return sum(_tell(organization, now) for organization in _organizations(low - known))


def is_told(organization: Organization) -> bool:
    """Whether it was found to be low when it was last looked at."""
    return LowBalance.objects.filter(organization=organization).exists()


def is_low(left: int, given: int) -> bool:
    """Whether of credit of `given` nano-USD too little is left."""
    return left * 100 < given * settings.BALANCE_LOW_PERCENT or left <= 0


def _ran_out(now: datetime) -> set[int]:
    """Organizations whose credit ended lately, without a plan that gives new credit when somebody asks."""
    ended = CreditGrant.objects.filter(expires_at__lte=now, expires_at__gt=now - _LATELY).exclude(
        organization__subscription__plan__monthly_credit__gt=0, organization__confirmed_at__isnull=False
    )
    return set(ended.order_by().values_list("organization_id", flat=True).distinct())


def _organizations(ids: Iterable[int]) -> list[Organization]:
    return list(Organization.objects.filter(pk__in=list(ids)).order_by("pk"))


def _tell(organization: Organization, now: datetime) -> bool:
    """The row and the message in one transaction; False when the credit is not low, or another process told it."""
    with transaction.atomic():
        # With this month's plan credit, which is given when somebody looks.
        found = balances.balance(organization.pk, now)
        mine = CreditGrant.objects.filter(balances.live_grants(now), organization=organization)
        given = mine.aggregate(given=Sum("amount"))["given"] or 0
        if not is_low(found.posted, given):
            return False
        _, is_new = LowBalance.objects.get_or_create(organization=organization, defaults={"since": now})
        if is_new:
            OutboxMessage.objects.create(
                organization=organization,
                type=EventType.BALANCE_LOW,
                payload={
                    "object": "balance",
                    "currency": CURRENCY,
                    "posted": usd_string(found.posted),
                    "held": usd_string(found.held),
                    "available": usd_string(found.available),
                    "threshold": usd_string(_threshold(given)),
                    "threshold_percent": settings.BALANCE_LOW_PERCENT,
                },
                created_at=now,
            )
        return is_new


def _threshold(given: int) -> int:
    """Nano-USD under which the credit is low."""
    return given * settings.BALANCE_LOW_PERCENT // 100
