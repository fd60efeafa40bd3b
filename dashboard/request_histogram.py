"""Above the list of requests: how many there were in each hour, day or week."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from dashboard import usage_chart
from dashboard.request_filters import RequestFilter
from dashboard.usage_chart import Chart
from usage import snapshot
from usage.models.event import AMENDED, VOIDED
from usage.reports import Sums
from usage.snapshot import Part, Row

# Sums know nothing of how a request ended: these many are looked at one by one, among so many that are passed over.
_MOST, _MOST_PASSED = 20_000, 100_000
# Which have an index of their own.
_FAILED = "5xx"
_COLUMNS = ("occurred_at", "model", "usage_source", "input_tokens", "cached_input_tokens", "output_tokens", "charge")


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars that lead to the requests of their time, and the sums of all."""

    chart: Chart
    total: Sums


def make(chosen: RequestFilter, now: datetime) -> Histogram | None:
    """Of the filter; None where it asks for how requests ended, and there are too many to look at each."""
    usage = chosen.usage
    edges = tuple(usage.edges())
    rows: Sequence[Row] | None
    if chosen.is_counted:
        (rows,) = snapshot.read([Part(usage.chosen(edges), "model", edges)])
    else:
        rows = _looked_at(chosen, edges)
    if rows is None:
        return None
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


def _looked_at(chosen: RequestFilter, edges: tuple[datetime, ...]) -> list[Row] | None:
    """Sums by model between the edges, from the requests themselves."""
    if chosen.status != _FAILED:
        (all_of_them,) = snapshot.read([Part(chosen.chosen)])[0]
        if all_of_them.get(None, Sums()).requests > _MOST_PASSED:
            return None
    found = list(chosen.events().values_list(*_COLUMNS)[: _MOST + 1])
    if len(found) > _MOST:
        return None
    rows: list[Row] = [{} for _ in edges[1:]]
    for at, model, source, given, cached, output, charge in found:
        number = {VOIDED: -1, AMENDED: 0}.get(source, 1)
        row = rows[bisect_right(edges, at) - 1]
        row[model] = row.get(model, Sums()) + Sums(number, given, cached, output, charge)
    return rows
