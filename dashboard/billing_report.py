"""What the Billing page says: the balance, the credit in the order in which it is used, the plan, a month's lines."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Organization
from billing import balances, grant_order, statement
from billing.balances import Balance
from billing.grant_order import Placed
from billing.models import CreditGrant, GrantKind, Subscription
from billing.statement import Line, Statement
from catalog.models import Plan
from dashboard import figures
from dashboard.templatetags.console import count
from foundation import periods, shown_dates
from usage import reports
from usage.reports import Filter, Sums

_PAST = 50
_KINDS = {
    GrantKind.PLAN.value: gettext_lazy("Plan credit"),
    GrantKind.OPERATOR.value: gettext_lazy("Granted"),
    GrantKind.CODE.value: gettext_lazy("Redeemed code"),
    GrantKind.PAYMENT.value: gettext_lazy("Top-up"),
    GrantKind.ADJUSTMENT.value: gettext_lazy("Adjustment"),
}
_TYPES = {
    statement.USAGE: gettext_lazy("Usage"),
    statement.EXPIRY: gettext_lazy("Expiry"),
    statement.ADJUSTMENT: gettext_lazy("Adjustment"),
    statement.OWED: gettext_lazy("Owed"),
}


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A credit grant on the page; `number` is its place in the order of use, from 1, for live ones."""

    grant: CreditGrant
    number: int
    kind: str
    # live, later, used or expired
    state: str
    left: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of the history: type, what it was about with a link, and the amounts."""

    line: Line
    type: str
    about: str
    url: str


@dataclass(frozen=True, slots=True)
class Month:
    """The history of one month of the organization's zone."""

    statement: Statement
    rows: list[LineRow]
    title: str
    older: str
    newer: str
    places: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """The plan that the organization has, and the others."""

    subscription: Subscription
    requests_per_minute: int
    plans: list[Plan]


def balance(organization: Organization, now: datetime) -> Balance:
    """Posted, held and available, with this month's plan credit."""
    return balances.balance(organization.pk, now)


def spent(organization: Organization, now: datetime) -> Sums:
    """This month up to today, in the organization's zone: what the Usage page calls so."""
    today = periods.day_of(now, organization.zone)
    edges = reports.day_edges(today.replace(day=1), today, organization.zone)
    return reports.totals(Filter(organization.pk, edges[0], edges[-1]))


def grants_of(organization: Organization, now: datetime) -> tuple[list[GrantRow], list[GrantRow]]:
    """Credit that can be used, in the order of use, then what begins later; and what is used up or expired."""
    live, past = grant_order.open_grants(organization, now), grant_order.past_grants(organization, now, _PAST)
    return [_row(one) for one in live], [_row(one) for one in past]


def granted_until(live: list[GrantRow]) -> datetime | None:
    """When the first of the granted credit that is left ends; None where none of it does."""
    return min(
        (row.grant.expires_at for row in live if row.left and row.grant.expires_at and not row.grant.is_paid),
        default=None,
    )


def _row(placed: Placed) -> GrantRow:
    return GrantRow(placed.grant, placed.number, _kind(placed.grant), placed.state, placed.left)


def plan_of(organization: Organization) -> PlanFacts | None:
    """The plan and its pace."""
    subscription = Subscription.objects.select_related("plan").filter(organization=organization).first()
    if subscription is None:
        return None
    pace = subscription.requests_per_minute or subscription.plan.requests_per_minute
    return PlanFacts(subscription, pace, list(Plan.objects.all()))


def month_named(organization: Organization, text: str, now: datetime) -> date | None:
    """The first day of a month such as 2026-11 in which the organization existed; None for any other text."""
    first, last = _bounds(organization, now)
    if not text:
        return last
    try:
        found = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007
    except ValueError:
        return None
    return found if first <= found <= last and text == f"{found:%Y-%m}" else None


def last_day(first: date) -> date:
    """The last day of the month that begins then."""
    return _next(first) - timedelta(days=1)


def month(organization: Organization, first: date, now: datetime) -> Month:
    """A month's lines, newest first."""
    read = statement.read(organization, first, last_day(first), now)
    oldest, newest = _bounds(organization, now)
    before = (first - timedelta(days=1)).replace(day=1)
    amounts = [line.amount for line in read.lines] + [line.balance for line in read.lines]
    return Month(
        statement=read,
        rows=[row_of(line) for line in read.lines],
        title=shown_dates.month_text(first),
        older=f"?month={before:%Y-%m}" if before >= oldest else "",
        newer=f"?month={_next(first):%Y-%m}" if _next(first) <= newest else "",
        places=figures.places_for([*amounts, read.opening, read.closing]),
    )


def row_of(line: Line) -> LineRow:
    """A line in words."""
    if line.kind == statement.USAGE:
        about = ngettext("%(n)s request", "%(n)s requests", line.requests) % {"n": count(line.requests)}
        url = f"{reverse('dashboard:requests')}?from={line.day}&to={line.day}"
        return LineRow(line, str(_TYPES[line.kind]), about, url)
    if line.kind == statement.OWED:
        return LineRow(line, str(_TYPES[line.kind]), _("Usage from elsewhere that no credit covered"), "")
    if line.grant is None:
        return LineRow(line, str(_TYPES[line.kind]), line.transaction, "")
    about = line.grant.note or line.grant.source
    if line.kind == statement.EXPIRY:
        return LineRow(line, str(_TYPES[line.kind]), _("what was left of: %(grant)s") % {"grant": about}, "")
    return LineRow(line, _kind(line.grant), about, "")


def _kind(grant: CreditGrant) -> str:
    return str(_KINDS.get(grant.kind, grant.kind))


def _bounds(organization: Organization, now: datetime) -> tuple[date, date]:
    """The first days of the months in which the organization began, and in which it is."""
    zone = organization.zone
    began, today = periods.day_of(organization.created_at, zone), periods.day_of(now, zone)
    return began.replace(day=1), today.replace(day=1)


def _next(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
