"""What the Overview says: this month and today, thirty days of spend, keys, the newest requests and the pace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiKey, Organization
from billing import balances, refusal_reports
from billing.balances import Balance
from dashboard import figures, rate_status, usage_chart
from dashboard.figures import METRICS
from dashboard.rate_status import RateStatus
from dashboard.usage_chart import Chart
from dashboard.usage_filters import Scope, UsageFilter, previous, usual_metric
from dashboard.usage_lines import key_name
from dashboard.usage_report import Comparison, comparison_of
from foundation import periods
from usage import pace, snapshot
from usage.models import UsageEvent
from usage.named_periods import preset
from usage.pace import Pace
from usage.reports import Sums
from usage.snapshot import Part, Row

_TOP_KEYS = 5
_RECENT = 10
_RATE_DAYS = 7


@dataclass(frozen=True, slots=True)
class TopKey:
    """A key and what it used this month."""

    key: ApiKey
    name: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Recent:
    """One of the newest requests."""

    event: UsageEvent
    key: str

    @property
    def prompt(self) -> int:
        return self.event.input_tokens + self.event.cached_input_tokens

    @property
    def ending(self) -> str:
        """What is worth saying of how it ended."""
        return str(_ENDINGS.get(self.event.finish_reason, ""))


_ENDINGS = {
    "client_closed": gettext_lazy("stopped by the client"),
    "upstream_error": gettext_lazy("broke off"),
    "interrupted": gettext_lazy("cut by a restart"),
    "recovered": gettext_lazy("recovered after a crash"),
}


@dataclass(frozen=True, slots=True)
class Overview:
    """One moment's figures; money is nano-USD."""

    month: Sums
    before: Comparison
    today: Sums
    chart: Chart
    span: str
    top_keys: list[TopKey]
    recent: list[Recent]
    pace: RateStatus | None
    # Of today: answers that broke off, which are among the requests, and refusals, which are not.
    failed: int
    refused: int
    # How long requests of the last 24 hours took.
    times: Pace
    balance: Balance | None
    # Whole days for which the balance lasts at the rate of the last week; None where that says nothing.
    days_left: int | None

    @property
    def change(self) -> str:
        of = self.chart.metric.of
        return figures.change(of(self.month), of(self.before.sums))

    @property
    def errors(self) -> int:
        """Of today."""
        return self.failed + self.refused

    @property
    def error_rate(self) -> str:
        """Of everything that was asked today."""
        return figures.percent(self.errors, self.today.requests + self.refused)

    @property
    def recent_places(self) -> int:
        """Decimal places of the column of cost."""
        return figures.places_for(one.event.charge for one in self.recent)

    @property
    def key_places(self) -> int:
        """Decimal places of the column of spend."""
        return figures.places_for(one.sums.charge for one in self.top_keys)

    @property
    def is_new(self) -> bool:
        """Nobody whom this person may see has made a request."""
        return not self.recent


def make(scope: Scope, now: datetime) -> Overview:
    """The overview of what this scope may see."""
    organization, zone = scope.organization, scope.organization.zone
    today = periods.day_of(now, zone)
    month = UsageFilter(scope, today, "month", *preset("month", today))
    days = UsageFilter(scope, today, "30d", *preset("30d", today))
    edges = tuple(days.edges())
    before = comparison_of(month, now)
    this_month, metric = month.chosen(month.edges("day")), usual_metric(scope)
    (by_day, month_rows, key_rows, before_rows, today_rows) = snapshot.read(
        [
            Part(scope.filter(edges), "model", edges),
            Part(this_month),
            Part(this_month, "key", largest=metric, most=_TOP_KEYS),
            Part(before),
            Part(scope.filter(edges[-2:])),
        ]
    )
    balance = balances.balance(organization.pk, now) if scope.sees_money else None
    day = scope.filter(edges[-2:])
    refused = refusal_reports.by_group(day, "").get(None)
    last_hours = (now - timedelta(hours=24), now)
    return Overview(
        month=month_rows[0].get(None, Sums()),
        before=Comparison(*previous("month", month.first, month.last), before_rows[0].get(None, Sums()), True),
        today=today_rows[0].get(None, Sums()),
        chart=_chart(scope, days, by_day, now),
        span=figures.span(days.first, days.last),
        top_keys=_top_keys(key_rows[0], metric),
        recent=_recent(scope, now),
        pace=rate_status.of_organization(scope, now),
        failed=pace.failures(day, "").get(None, 0),
        refused=refused.count if refused else 0,
        times=pace.read(scope.filter(last_hours), last_hours, "", pace.MOST + 1).of_all,
        balance=balance,
        days_left=_days_left(balance, by_day, organization, today) if balance and scope.every else None,
    )


def _chart(scope: Scope, days: UsageFilter, rows: Sequence[Row], now: datetime) -> Chart:
    """Every bar and every model leads to the Usage page."""
    page, zone = reverse("dashboard:usage"), scope.organization.zone
    urls = [page + days.query(days=(day, day)) for day, _ in days.starts()]
    bars = usage_chart.bars(days.edges(), "day", zone, now, scope.organization.created_at, urls)
    chart = usage_chart.chart_of(rows, usual_metric(scope), bars, zone=zone, unit="day", by_cost=scope.sees_money)
    linked = [
        one if one.swatch == "other" else replace(one, url=page + days.query(model=[one.name])) for one in chart.series
    ]
    return replace(
        chart,
        series=linked,
        caption=_("%(metric)s, last %(days)s days") % {"metric": chart.metric.title, "days": days.days},
    )


def _top_keys(found: dict[int, Sums], metric: str) -> list[TopKey]:
    of = METRICS[metric].of
    largest = sorted(found, key=lambda pk: (-of(found[pk]), -found[pk].requests, pk))[:_TOP_KEYS]
    keys = ApiKey.objects.select_related("project").in_bulk(largest)
    return [TopKey(keys[pk], key_name(keys[pk]), found[pk]) for pk in largest]


def _recent(scope: Scope, now: datetime) -> list[Recent]:
    always = (datetime(2000, 1, 1, tzinfo=now.tzinfo), now + timedelta(days=1))
    events = UsageEvent.objects.filter(**scope.filter(always).lookups("occurred_at"))
    newest = events.select_related("api_key__project").order_by("-occurred_at", "-id")[:_RECENT]
    return [Recent(event, key_name(event.api_key)) for event in newest]


def _days_left(balance: Balance, by_day: Sequence[Row], organization: Organization, today: date) -> int | None:
    """At the mean of the last whole days, at most a week of them."""
    age = (today - periods.day_of(organization.created_at, organization.zone)).days
    week = by_day[-1 - min(_RATE_DAYS, max(age, 0)) : -1]
    spent = sum(sums.charge for row in week for sums in row.values())
    if not spent or balance.available <= 0:
        return None
    return balance.available * len(week) // spent
