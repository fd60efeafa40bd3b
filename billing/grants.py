"""Give credit. A grant and its ledger entries are one transaction; a rule grants once a period."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.actor import SYSTEM, Actor
from accounts.models import Organization
from billing import ledger
from billing.models import Account, CreditGrant, GrantKind, Subscription
from foundation import periods
from foundation.consistent_read import is_reading
from foundation.ids import public_id
from foundation.money import InvalidAmount
from foundation.sql import batch_cursor

# What was charged too much was never earned.
_SOURCE_ACCOUNT = {GrantKind.PAYMENT: Account.CASH, GrantKind.ADJUSTMENT: Account.REVENUE}
# The plan's monthly credit expires first, so it burns first.
_PLAN_PRIORITY = 50


def give(
    organization: Organization,
    amount: int,
    kind: GrantKind = GrantKind.OPERATOR,
    by: Actor = SYSTEM,
    *,
    source: str = "",
    note: str = "",
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
    at: datetime | None = None,
) -> CreditGrant | None:
    """Credit of `amount` nano-USD, given `at` (now); None when the same `source` was granted before.

    Raises InvalidAmount.
    """
    if isinstance(amount, float) or amount <= 0:
        raise InvalidAmount("A grant is a positive amount.")
    at = at or timezone.now()
    with transaction.atomic():
        grant = CreditGrant(
            organization=organization,
            kind=kind,
            is_paid=kind == GrantKind.PAYMENT,
            source=source or public_id(kind),
            amount=amount,
            priority=_PLAN_PRIORITY if kind == GrantKind.PLAN else 100,
            starts_at=starts_at or at,
            expires_at=expires_at,
            note=note,
            created_by=by.user,
            created_at=at,
        )
        if not _insert_once(grant):
            return None
        lines = [
            ledger.Line(Account.CREDIT, amount, grant.pk),
            ledger.Line(_SOURCE_ACCOUNT.get(kind, Account.PROMOTION), -amount, grant.pk),
        ]
        at_value = connection.ops.adapt_datetimefield_value(at)
        with batch_cursor() as cursor:
            ledger.insert(cursor, ledger.rows(f"grant:{grant.pk}", organization.pk, lines, at_value))
        if kind == GrantKind.OPERATOR:
            audit.record("credit.granted", grant, by, changes={"amount_nano": amount, "note": note})
        return grant


def _insert_once(grant: CreditGrant) -> bool:
    """Insert unless (organization, source) exists; whoever comes second inserts nothing."""
    made = CreditGrant.objects.bulk_create([grant], ignore_conflicts=True)
    stored = CreditGrant.objects.filter(organization=grant.organization, source=grant.source).first()
    if stored is None or stored.created_at != made[0].created_at:
        return False
    grant.pk = stored.pk
    return True


def monthly_source(plan_code: str, zone: ZoneInfo, now: datetime) -> str:
    """The name of the plan's grant for the zone's month that holds `now`."""
    return f"{monthly_sources(plan_code)}{periods.day_of(now, zone):%Y-%m}"


def monthly_sources(plan_code: str) -> str:
    """How the names of all of the plan's grants begin, of whatever month."""
    return f"plan:{plan_code}:"


def ensure_monthly(organization_id: int, now: datetime | None = None) -> CreditGrant | None:
    """Make this month's grant of the plan if it is due and missing. There is no reset job, so no reset race.

    In another zone it may be another month already, or still: the next grant waits until the one in force has ended.
    Inside `one_moment` nothing can be made: whoever opens that calls this before.
    """
    if is_reading():
        return None
    now = now or timezone.now()
    subscription = (
        Subscription.objects.select_related("organization", "plan").filter(organization_id=organization_id).first()
    )
    if subscription is None or not subscription.plan.monthly_credit or not subscription.organization.is_confirmed:
        return None
    zone = subscription.organization.zone
    source = monthly_source(subscription.plan.code, zone, now)
    is_given = Q(source=source) | Q(source__startswith=monthly_sources(subscription.plan.code), expires_at__gt=now)
    known = CreditGrant.objects.filter(is_given, organization_id=organization_id)
    if known.exists():
        return None
    with transaction.atomic():
        # Who read the zone before it changed would give another month, and no unique key would say no.
        Subscription.objects.select_for_update(no_key=True).filter(pk=subscription.pk).values_list("pk").get()
        if known.exists():
            return None
        return give(
            subscription.organization,
            subscription.plan.monthly_credit,
            GrantKind.PLAN,
            source=source,
            note=f"{subscription.plan.name} plan, {periods.day_of(now, zone):%B %Y}",
            starts_at=periods.month_start(now, zone),
            expires_at=periods.next_month_start(now, zone),
        )
