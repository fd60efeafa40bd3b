"""What every page of the console shows: the organizations, the balance, the banner."""

from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import F, Max
from django.http import HttpRequest
from django.utils import timezone

from accounts import policies
from accounts.models import AccountDeletion, Membership, Organization
from accounts.roles import Permission, allows
from billing import balances, low_balance
from billing.balances import Balance
from billing.models import Account, CreditGrant, LedgerEntry
from catalog import providers
from dashboard import limit_rows
from dashboard.access import current_membership
from foundation import periods, shown_numbers
from usage import reports
from usage.reports import Filter

_RATE_OF = timedelta(days=7)
THEMES = ("system", "light", "dark")


def console(request: HttpRequest) -> dict[str, Any]:
    """Context of the shell; nothing is read from the database for people who are not logged in."""
    theme = request.COOKIES.get("theme", "system")
    context: dict[str, Any] = {
        "site_name": settings.SITE_NAME,
        "signup_open": settings.SIGNUP_OPEN,
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "number_marks": shown_numbers.marks(),
        "page": getattr(request.resolver_match, "url_name", "") or "",
    }
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return context
    membership = current_membership(request)
    if membership is None or policies.lacks_factor(membership):
        return context
    permission = {name.value: allows(membership.role, name) for name in Permission}
    context |= {
        "membership": membership,
        "organization": membership.organization,
        # Views may call other things by the names above.
        "here": membership.organization.public_id,
        "organizations": [
            one.organization
            for one in Membership.objects.filter(user=request.user).select_related("organization").order_by("pk")
        ],
        "may": permission,
        "demo_in_use": providers.demo_in_use(),
    }
    if permission[Permission.SEE_MONEY]:
        context["balance"] = balances.balance(membership.organization_id)
    context["banner"] = _banner(request, membership, context)
    return context


def _banner(request: HttpRequest, membership: Membership, context: dict[str, Any]) -> str:
    """The most severe thing to say on every page: suspended, unconfirmed, no or little credit, a limit; or nothing."""
    organization = membership.organization
    context["closing"] = AccountDeletion.objects.filter(user=membership.user_id).first()
    if context["closing"]:
        return "closing"
    if organization.is_suspended:
        return "suspended"
    if not organization.is_confirmed:
        address = EmailAddress.objects.filter(user=request.user).first()
        return "confirm" if address and not address.verified else "unconfirmed"
    balance = context.get("balance")
    if balance is not None and balance.available <= 0:
        context["empty_since"] = None if balance.held else _empty_since(organization, timezone.now())
        return "empty"
    context["reached"] = limit_rows.reached(organization, timezone.now())
    if context["reached"]:
        return "limit"
    if balance is None or not low_balance.is_told(organization):
        return ""
    context["balance_days"] = _days_left(organization, balance, timezone.now())
    return "low"


def _empty_since(organization: Organization, now: datetime) -> datetime | None:
    """When the last of the credit was charged or expired; None where there never was any."""
    used = LedgerEntry.objects.filter(organization=organization, account=Account.CREDIT).exclude(event_id=None)
    charged = used.order_by("-at").first()
    lost = CreditGrant.objects.filter(organization=organization, expires_at__lte=now, amount__gt=F("burned"))
    ends = [charged.at if charged else None, lost.aggregate(last=Max("expires_at"))["last"]]
    return max((end for end in ends if end), default=None)


def _days_left(organization: Organization, balance: Balance, now: datetime) -> int | None:
    """At the rate of the last week; None where nothing was spent in it."""
    week = Filter(organization.pk, periods.bucket_start(now - _RATE_OF), periods.bucket_start(now) + periods.BUCKET)
    spent = reports.totals(week).charge
    return balance.available * _RATE_OF.days // spent if spent > 0 else None
