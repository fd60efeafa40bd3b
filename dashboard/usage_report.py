"""What the Usage page says of one filter: cards, chart and breakdown, all from one statement, so that they agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from dashboard import figures, usage_chart, usage_limit_line, usage_lines
from dashboard.figures import METRICS, Metric
from dashboard.usage_chart import Chart
from dashboard.usage_filters import GROUPINGS, UsageFilter, previous
from dashboard.usage_lines import Breakdown, Line
from foundation import periods
from usage import reports, savings, snapshot
from usage.reports import Filter, Sums
from usage.snapshot import Part, Row


@dataclass(frozen=True, slots=True)
class Comparison:
    """The days before: what they used, up to the same time of day where the shown days are not over."""

    first: date
    last: date
    sums: Sums
    is_cut: bool

    @property
    def words(self) -> str:
        return figures.span(self.first, self.last)

    @property
    def is_short(self) -> bool:
        """Whether the time of day matters much."""
        return self.is_cut and (self.last - self.first).days < 2


@dataclass(frozen=True)
class Report:
    """One moment's figures of the filter; money is nano-USD."""

    filter: UsageFilter
    now: datetime
    chosen: Filter
    chart: Chart
    total: Sums
    before: Comparison
    breakdown: Breakdown
    saved: int

    @property
    def lines(self) -> list[Line]:
        return self.breakdown.lines

    @property
    def metric(self) -> Metric:
        return METRICS[self.filter.metric]

    @property
    def is_empty(self) -> bool:
        return self.total.requests == 0

    @property
    def change(self) -> str:
        """Spend against the days before, or tokens where the role sees no money."""
        of = METRICS["cost" if self.filter.scope.sees_money else "tokens"].of
        return figures.change(of(self.total), of(self.before.sums))

    @property
    def hit_rate(self) -> str:
        return figures.percent(self.total.cached_input, self.total.prompt)

    @property
    def grouping(self) -> str:
        return GROUPINGS[self.filter.by]

    @cached_property
    def places(self) -> int:
        """Decimal places of the column of cost, for which every row asks."""
        return figures.places_for(line.sums.charge for line in self.lines)

    @property
    def is_rounded(self) -> bool:
        """Whether the column of cost leaves digits out."""
        unit = 10 ** (9 - self.places)
        return any(line.sums.charge % unit for line in self.lines)

    def rows(self) -> list[tuple[Line, str, int]]:
        """The breakdown with each row's share of the metric, as text and in thousandths."""
        of, total = self.metric.of, self.metric.of(self.total)
        return [
            (line, figures.percent(of(line.sums), total), of(line.sums) * 1000 // total if total else 0)
            for line in self.lines
        ]

    def last_use(self) -> tuple[date, bool] | None:
        """The last day with a request, and whether it fits the filter but for its days: any counts where none fits."""
        zone = self.filter.zone
        always = (periods.day_start(date(2000, 1, 1), zone), self.now + timedelta(days=1))
        if found := reports.last_bucket(self.filter.chosen(always)):
            return periods.day_of(found, zone), True
        found = reports.last_bucket(self.filter.scope.filter(always))
        return (periods.day_of(found, zone), False) if found else None


def make(chosen_filter: UsageFilter, now: datetime) -> Report:
    """The report of a filter without errors."""
    return _Making(chosen_filter, now).report()


class _Making:
    def __init__(self, chosen_filter: UsageFilter, now: datetime) -> None:
        self.filter = chosen_filter
        self.now = now
        self.edges = tuple(chosen_filter.edges())
        self.chosen = chosen_filter.chosen(self.edges)

    def report(self) -> Report:
        compared = comparison_of(self.filter, self.now)
        parts = {
            "models": Part(self.chosen, "model", self.edges),
            "before": Part(compared),
            "lines": self._lines_part(),
            # What the colours would be without the filter of models.
            "everywhere": Part(replace(self.chosen, models=()), "model") if self.filter.models else None,
        }
        asked = {name: part for name, part in parts.items() if part}
        read = dict(zip(asked, snapshot.read(list(asked.values())), strict=True))
        rows = read["models"]
        total = sum(usage_chart.total_by_model(rows).values(), Sums())
        chart = self._chart(rows, read["everywhere"][0] if "everywhere" in read else None)
        swatches = {one.name: one.swatch for one in chart.series}
        if self.filter.metric == "tokens" and self.filter.split == "kind":
            chart = usage_chart.by_kind(rows, chart)
        first, last = previous(self.filter.period, self.filter.first, self.filter.last)
        return Report(
            filter=self.filter,
            now=self.now,
            chosen=self.chosen,
            chart=chart,
            total=total,
            before=Comparison(first, last, read["before"][0].get(None, Sums()), self.filter.is_running),
            breakdown=usage_lines.make(self.filter, rows, read.get("lines"), swatches, total),
            saved=savings.cached_savings(self.chosen) if self.filter.scope.sees_money else 0,
        )

    def _lines_part(self) -> Part | None:
        if self.filter.by == "key":
            largest, rises = usage_lines.largest_by(self.filter)
            return Part(self.chosen, "key", largest=largest, most=usage_lines.MOST_ROWS, rises=rises)
        if self.filter.by in ("project", "member"):
            return Part(self.chosen, self.filter.by)
        if self.filter.by == "day" and self.filter.unit != "day":
            return Part(self.chosen, "", tuple(self.filter.edges("day")))
        return None

    def _chart(self, rows: Sequence[Row], everywhere: dict[str, Sums] | None) -> Chart:
        unit, zone = self.filter.unit, self.filter.zone
        urls = [] if unit == "hour" else [self.filter.query(days=days) for days in self.filter.starts()]
        requests = urls or [f"{self.filter.query()}&hour={edge.astimezone(UTC):%Y-%m-%dT%H:%MZ}" for edge in self.edges]
        since = self.filter.scope.organization.created_at
        chart = usage_chart.chart_of(
            rows,
            self.filter.metric,
            usage_chart.bars(self.edges, unit, zone, self.now, since, urls, requests),
            zone=zone,
            unit=unit,
            by_cost=self.filter.scope.sees_money,
            everywhere=everywhere,
        )
        linked = [replace(one, url=self._model_url(one.name, one.swatch)) for one in chart.series]
        return replace(chart, series=linked, limit=usage_limit_line.of(self.filter))

    def _model_url(self, name: str, swatch: str) -> str:
        """A click on a model narrows the page to it, a second one widens it again."""
        if swatch == "other":
            return ""
        return self.filter.query(model=[] if self.filter.models == (name,) else [name])


def comparison_of(chosen: UsageFilter, now: datetime) -> Filter:
    """The days before, cut at the same time of day where the shown days are still running."""
    zone = chosen.zone
    first, last = previous(chosen.period, chosen.first, chosen.last)
    start, end = periods.day_start(first, zone), periods.day_start(last + timedelta(days=1), zone)
    if chosen.is_running:
        day = min(first + (chosen.today - chosen.first), last)
        local = datetime.combine(day, now.astimezone(zone).time(), zone)
        end = max(start, periods.bucket_start(local))
    return replace(chosen.chosen((start, end)), start=start, end=end)
