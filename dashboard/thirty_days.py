"""Thirty days of a key or a project as a chart by model; every bar leads to the Usage page."""

from dataclasses import replace
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Project
from dashboard import figures, usage_chart
from dashboard.usage_chart import Chart
from dashboard.usage_filters import Scope, UsageFilter, usual_metric
from foundation import periods
from usage import snapshot
from usage.named_periods import preset
from usage.snapshot import Part


def of_key(scope: Scope, key: ApiKey, now: datetime) -> tuple[Chart, str]:
    """The chart, and the words for who does not see it."""
    return _chart(scope, now, key.created_at, keys=(key,))


def of_project(scope: Scope, project: Project, now: datetime) -> tuple[Chart, str]:
    """The chart, and the words for who does not see it."""
    return _chart(scope, now, project.created_at, projects=(project,))


def _chart(
    scope: Scope,
    now: datetime,
    since: datetime,
    *,
    keys: tuple[ApiKey, ...] = (),
    projects: tuple[Project, ...] = (),
) -> tuple[Chart, str]:
    page, zone = reverse("dashboard:usage"), scope.organization.zone
    today = periods.day_of(now, zone)
    days = UsageFilter(scope, today, "30d", *preset("30d", today), keys=keys, projects=projects)
    edges = tuple(days.edges())
    [rows] = snapshot.read([Part(days.chosen(edges), "model", edges)])
    urls = [page + days.query(days=(day, day)) for day, _last in days.starts()]
    bars = usage_chart.bars(edges, "day", zone, now, since, urls)
    made = usage_chart.chart_of(
        rows, usual_metric(scope), bars, zone=zone, unit="day", by_cost=scope.sees_money, chart_id="days-chart"
    )
    caption = _("%(metric)s, last %(days)s days") % {"metric": made.metric.title, "days": days.days}
    made = replace(made, caption=caption)
    return made, made.label(figures.span(days.first, days.last))
