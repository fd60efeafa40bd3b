"""Above the list of requests: how many there were in each hour, day or week."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from dashboard import usage_chart
from dashboard.request_filters import RequestFilter
from dashboard.usage_chart import Chart
from usage import snapshot
from usage.reports import Sums
from usage.snapshot import Part


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars that lead to the requests of their time, and the sums of all."""

    chart: Chart
    total: Sums


def make(chosen: RequestFilter, now: datetime) -> Histogram:
    """Of a filter that reports can count."""
    usage = chosen.usage
    edges = tuple(usage.edges())
    (rows,) = snapshot.read([Part(usage.chosen(edges), "model", edges)])
    if usage.unit == "hour":
        urls = [chosen.query(hour=edge.astimezone(UTC)) for edge in edges[:-1]]
    else:
        urls = [chosen.query(days=days) for days in usage.starts()]
    bars = usage_chart.bars(edges, usage.unit, usage.zone, now, usage.scope.organization.created_at, urls)
    chart = usage_chart.chart_of(
        rows, "requests", bars, zone=usage.zone, unit=usage.unit, by_cost=usage.scope.sees_money
    )
    captions = {"hour": _("Requests per hour"), "day": _("Requests per day"), "week": _("Requests per week")}
    linked = [
        one if one.swatch == "other" else replace(one, url=chosen.query(model=[one.name])) for one in chart.series
    ]
    total = sum(usage_chart.total_by_model(rows).values(), Sums())
    return Histogram(replace(chart, caption=captions[usage.unit], series=linked), total)
