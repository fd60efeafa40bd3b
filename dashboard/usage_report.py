"""What the Usage page says of one filter: cards, chart and breakdown, all from one statement, so that they agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import ApiKey, Project
from dashboard import figures, usage_chart
from dashboard.figures import METRICS, Metric
from dashboard.usage_chart import Chart
from dashboard.usage_filters import GROUPINGS, UsageFilter, previous
from foundation import periods, shown_dates
from usage import reports, savings, snapshot
from usage.reports import Filter, Sums
from usage.snapshot import Part, Row

# More rows than these are summed up in one: the export has them all.
_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the breakdown; `url` narrows the page to it, `requests` is the query of the requests behind it."""

    name: str
    note: str
    url: str
    sums: Sums
    swatch: str = ""
    requests: str = ""


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


@dataclass(frozen=True, slots=True)
class Report:
    """One moment's figures of the filter; money is nano-USD."""

    filter: UsageFilter
    now: datetime
    chosen: Filter
    chart: Chart
    total: Sums
    before: Comparison
    lines: list[Line]
    saved: int

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

    @property
    def places(self) -> int:
        """Decimal places of the column of cost."""
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

    def last_use(self) -> date | None:
        """The last day with a request that fits the filter but for its days, or with any where none fits."""
        zone = self.filter.zone
        always = (periods.day_start(date(2000, 1, 1), zone), self.now + timedelta(days=1))
        found = reports.last_bucket(self.filter.chosen(always)) or reports.last_bucket(self.filter.scope.filter(always))
        return periods.day_of(found, zone) if found else None


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
        first, last = previous(self.filter.period, self.filter.first, self.filter.last)
        return Report(
            filter=self.filter,
            now=self.now,
            chosen=self.chosen,
            chart=chart,
            total=total,
            before=Comparison(first, last, read["before"][0].get(None, Sums()), self.filter.is_running),
            lines=self._lines(rows, read.get("lines"), chart),
            saved=savings.cached_savings(self.chosen) if self.filter.scope.sees_money else 0,
        )

    def _lines_part(self) -> Part | None:
        if self.filter.by in ("key", "project"):
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
        return replace(chart, series=[replace(one, url=self._model_url(one.name, one.swatch)) for one in chart.series])

    def _model_url(self, name: str, swatch: str) -> str:
        """A click on a model narrows the page to it, a second one widens it again."""
        if swatch == "other":
            return ""
        return self.filter.query(model=[] if self.filter.models == (name,) else [name])

    def _lines(self, rows: Sequence[Row], found: list[Row] | None, chart: Chart) -> list[Line]:
        if self.filter.by == "day":
            return self._day_lines(found or [{None: sum(row.values(), Sums())} for row in rows])
        if self.filter.by == "model":
            swatches = {one.name: one.swatch for one in chart.series}
            lines = [
                Line(
                    name,
                    "",
                    self._model_url(name, ""),
                    sums,
                    swatches.get(name, "other"),
                    self.filter.query(model=[name]),
                )
                for name, sums in usage_chart.total_by_model(rows).items()
            ]
        else:
            sums_of = found[0] if found else {}
            lines = self._key_lines(sums_of) if self.filter.by == "key" else self._project_lines(sums_of)
        lines.sort(key=self._size)
        return _cut(lines)

    def _size(self, line: Line) -> tuple[Any, ...]:
        cost = line.sums.charge if self.filter.scope.sees_money else 0
        return (
            -METRICS[self.filter.metric].of(line.sums),
            -cost,
            -line.sums.tokens,
            -line.sums.requests,
            line.name,
            line.note,
        )

    def _key_lines(self, found: dict[int, Sums]) -> list[Line]:
        keys = ApiKey.objects.filter(pk__in=found).select_related("project")
        return [self._narrowing(key_name(key), key.project.name, found[key.pk], key=[key.public_id]) for key in keys]

    def _project_lines(self, found: dict[int, Sums]) -> list[Line]:
        projects = [one for one in self.filter.scope.projects if one.pk in found]
        return [
            self._narrowing(one.name, _project_note(one), found[one.pk], project=[one.public_id]) for one in projects
        ]

    def _day_lines(self, rows: Sequence[Row]) -> list[Line]:
        """Newest first; days to come are left out."""
        lines = []
        for number, row in enumerate(rows):
            day = self.filter.first + timedelta(days=number)
            if day <= self.filter.today:
                note = _("so far") if day == self.filter.today else ""
                name = shown_dates.with_weekday(day, short=True)
                lines.append(self._narrowing(name, note, row.get(None, Sums()), days=(day, day)))
        return lines[::-1]

    def _narrowing(self, name: str, note: str, sums: Sums, **narrower: Any) -> Line:
        """A row that narrows the page to the requests behind it."""
        query = self.filter.query(**narrower)
        return Line(name, note, query, sums, requests=query)


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


def key_name(key: ApiKey) -> str:
    """As figures name a key: a revoked one says so, the built-in one is the playground."""
    if key.is_playground:
        return "Playground"
    return _("%(name)s (revoked)") % {"name": key.name} if key.revoked_at else key.name


def _cut(lines: list[Line]) -> list[Line]:
    """The first rows, and one that sums up all others, so that the column still adds up."""
    if len(lines) <= _MOST_ROWS:
        return lines
    others = lines[_MOST_ROWS:]
    rest = sum((line.sums for line in others), Sums())
    return [*lines[:_MOST_ROWS], Line(f"{len(others):,} more", "Export CSV has them all", "", rest)]


def _project_note(project: Project) -> str:
    if project.deleted_at:
        return str(_("deleted"))
    return str(_("archived")) if project.archived_at else ""
