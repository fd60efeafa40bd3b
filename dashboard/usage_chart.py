"""A stacked chart of usage by model: bars of hours, days or weeks, the five largest models and Other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from dashboard.figures import METRICS, Metric, day_text, places_for, span
from foundation import periods, shown_dates
from usage.reports import Sums
from usage.snapshot import Row

MOST_SERIES = 5
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Bar:
    """One period. state: `before` the organization existed or still to come, `so_far` now, else empty."""

    start: datetime
    short: str
    long: str
    state: str
    url: str
    # The query of the requests behind it.
    requests: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One model's figures, a bar each; the swatch is 0 to 4, or `other`."""

    name: str
    swatch: str
    values: list[int]
    url: str = ""

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit of the chart's metric for as long as a bar is; `text` says its amount."""

    value: int
    text: str


@dataclass(frozen=True)
class Chart:
    """What charts.js draws and what the table beside it says; all figures are exact integers of the metric."""

    id: str
    metric: Metric
    unit: str
    zone: str
    bars: list[Bar]
    series: list[Series]
    caption: str = ""
    # What one bar may not exceed, as a dashed line.
    limit: "LimitLine | None" = None
    is_by_kind: bool = False

    @property
    def data_id(self) -> str:
        """The id of the element with `data`."""
        return f"{self.id}-data"

    # Every cell of the table asks for these.
    @cached_property
    def totals(self) -> list[int]:
        return [sum(values) for values in zip(*(one.values for one in self.series), strict=True)] or [0] * len(
            self.bars
        )

    @property
    def total(self) -> int:
        return sum(self.totals)

    @property
    def title(self) -> str:
        if self.caption:
            return self.caption
        captions = {
            "hour": _("%(metric)s by model, per hour"),
            "day": _("%(metric)s by model, per day"),
            "week": _("%(metric)s by model, per week"),
        }
        if self.is_by_kind:
            captions = {
                "hour": _("%(metric)s by kind, per hour"),
                "day": _("%(metric)s by kind, per day"),
                "week": _("%(metric)s by kind, per week"),
            }
        return captions[self.unit] % {"metric": self.metric.title}

    def label(self, days: str) -> str:
        """What the picture shows, for those who do not see it."""
        totals = self.totals
        highest = max(range(len(totals)), key=totals.__getitem__)
        words = _(
            "Stacked bars: %(title)s, %(days)s. Total %(total)s. Highest: %(bar)s with %(highest)s. "
            "The same numbers are in a table on this page."
        )
        said = words % {
            "title": self.title.lower(),
            "days": days,
            "total": self.metric.show(self.total),
            "bar": self.bars[highest].long,
            "highest": self.metric.show(totals[highest]),
        }
        return f"{said} {self.limit.text}." if self.limit else said

    def data(self) -> dict[str, Any]:
        """For charts.js: integers as texts, and every text that it shows."""
        show = self.metric.show
        totals = self.totals
        return {
            "metric": self.metric.name,
            "unit": self.unit,
            "zone": self.zone,
            "limit": {"value": str(self.limit.value), "text": self.limit.text} if self.limit else None,
            "bars": [
                {"short": bar.short, "long": bar.long, "state": bar.state, "url": bar.url, "total": show(total)}
                for bar, total in zip(self.bars, totals, strict=True)
            ],
            "series": [
                {
                    "name": one.name,
                    "swatch": one.swatch,
                    "values": [str(value) for value in one.values],
                    "shown": [show(value) for value in one.values],
                }
                for one in self.series
            ],
        }

    @cached_property
    def places(self) -> int:
        """Decimal places of the table where it shows money."""
        return places_for(value for one in self.series for value in one.values)

    def table(self) -> list[tuple[Bar, list[int], int]]:
        """A row a bar: the figures of the series and their sum."""
        columns = [one.values for one in self.series]
        return [
            (bar, [values[number] for values in columns], total)
            for number, (bar, total) in enumerate(zip(self.bars, self.totals, strict=True))
        ]


def rank(sums: dict[str, Sums], *, by_cost: bool) -> list[str]:
    """Models by size, so that order and colour stay while the metric changes."""

    def size(name: str) -> tuple[Any, ...]:
        one = sums[name]
        return (-one.charge if by_cost else 0, -one.tokens, -one.requests, name)

    return sorted(sums, key=size)


def total_by_model(rows: Sequence[Row]) -> dict[str, Sums]:
    """Sums by model over all periods."""
    found: dict[str, Sums] = {}
    for row in rows:
        for name, sums in row.items():
            found[name] = found.get(name, Sums()) + sums
    return found


def swatches(order: list[str], everywhere: list[str]) -> dict[str, str]:
    """A colour for each shown model: the one that it has without the filter where that is possible."""
    kept = {name: str(place) for place, name in enumerate(everywhere[:MOST_SERIES]) if name in order}
    free = iter([str(place) for place in range(MOST_SERIES) if str(place) not in kept.values()])
    return {name: kept.get(name) or next(free) for name in order[:MOST_SERIES]}


def series(rows: Sequence[Row], metric: Metric, order: list[str], colours: dict[str, str]) -> list[Series]:
    """The largest models, and all others together."""
    found = [
        Series(name, colours[name], [metric.of(row.get(name, Sums())) for row in rows]) for name in order[:MOST_SERIES]
    ]
    if others := order[MOST_SERIES:]:
        values = [sum(metric.of(row.get(name, Sums())) for name in others) for row in rows]
        found.append(Series(OTHER, "other", values))
    return found


def by_kind(rows: Sequence[Row], chart: Chart) -> Chart:
    """The same bars of tokens, divided into uncached input, cached input and output."""
    kinds: list[tuple[Any, str, Callable[[Sums], int]]] = [
        (_("Input"), "0", lambda sums: sums.input),
        (_("Cached input"), "1", lambda sums: sums.cached_input),
        (_("Output"), "2", lambda sums: sums.output),
    ]
    series = [
        Series(str(name), swatch, [sum(of(sums) for sums in row.values()) for row in rows])
        for name, swatch, of in kinds
    ]
    return replace(chart, series=series, is_by_kind=True)


def bars(
    edges: Sequence[datetime], unit: str, zone: ZoneInfo, now: datetime, since: datetime, urls: Sequence[str] = (),
    requests: Sequence[str] = (),
) -> list[Bar]:  # fmt: skip
    """The periods between the edges; `since` is when the organization was founded."""
    found: list[Bar] = []
    year = None
    for number, (start, end) in enumerate(pairwise(edges)):
        local = start.astimezone(zone)
        state = "before" if end <= since or start > now else "so_far" if end > now else ""
        short, long = _hour(local) if unit == "hour" else _day(local.date(), end, unit, zone, local.year != year)
        year = local.year
        url, behind = (found_urls[number] if number < len(found_urls) else "" for found_urls in (urls, requests))
        found.append(Bar(start, short, long, state, url, behind))
    return found


def _hour(local: datetime) -> tuple[str, str]:
    return f"{local:%H:%M}", f"{shown_dates.with_weekday(local.date())}, {local:%H:%M %Z}"


def _day(day: date, end: datetime, unit: str, zone: ZoneInfo, with_year: bool) -> tuple[str, str]:
    short = day_text(day, year=with_year)
    if unit == "week":
        return short, span(day, periods.day_of(end, zone) - timedelta(days=1))
    return short, shown_dates.with_weekday(day)


def chart_of(
    rows: Sequence[Row], metric: str, found_bars: list[Bar], *, zone: ZoneInfo, unit: str, by_cost: bool,
    everywhere: dict[str, Sums] | None = None, chart_id: str = "usage-chart",
) -> Chart:  # fmt: skip
    """A chart of snapshot rows by model; `everywhere` ranks the colours where a filter hides models."""
    sums = total_by_model(rows)
    order = rank(sums, by_cost=by_cost)
    colours = swatches(order, rank(everywhere, by_cost=by_cost) if everywhere else order)
    chosen = METRICS[metric]
    return Chart(chart_id, chosen, unit, zone.key, found_bars, series(rows, chosen, order, colours))
