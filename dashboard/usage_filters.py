"""The filter of the Usage page and its URL: period, days, project, key, model, metric and grouping.

Every state of the page is a URL, and every URL has one canonical form. Ids of what a person may not see are unknown.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Project, User
from accounts.reach import Reach
from foundation import periods
from foundation.shown_numbers import written
from usage import reports
from usage.named_periods import preset
from usage.reports import Filter

PERIODS: dict[str, Any] = {
    "today": _("Today"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
    "month": _("This month"),
    "last-month": _("Last month"),
    "custom": _("Custom"),
}
METRICS: dict[str, Any] = {"cost": _("Cost"), "tokens": _("Tokens"), "requests": _("Requests")}
GROUPINGS: dict[str, Any] = {
    "model": _("Model"),
    "key": _("API key"),
    "project": _("Project"),
    "member": _("Member"),
    "day": _("Day"),
}
# How the chart of tokens is divided.
SPLITS: dict[str, Any] = {"model": _("By model"), "kind": _("Input and output")}
# What the breakdown can be sorted by, in the order of its columns; with a minus before it the largest comes first.
SORTS = ("name", "requests", "input", "cached", "output", "errors", "time", "cost", "share")
USUAL_PERIOD = "30d"
MOST_DAYS = 366
_MOST_VALUES = 50
_HOURS_UNTIL, _DAYS_UNTIL = 2, 120
_EARLIEST, _LATEST = date(2000, 1, 1), date(2099, 12, 31)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_Row = TypeVar("_Row", Project, ApiKey, User)


class Unknown(LookupError):
    """The URL names something that is not there, or not for this person."""


@dataclass(frozen=True, slots=True)
class Scope(Reach):
    """What the person may see."""

    def filter(self, edges: Sequence[datetime]) -> Filter:
        """Everything of this scope between the first and the last edge."""
        return Filter(self.organization.pk, edges[0], edges[-1], self.project_ids())


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """What the page shows: whole days of the organization's zone, first and last included."""

    scope: Scope
    today: date
    period: str
    first: date
    last: date
    projects: tuple[Project, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    models: tuple[str, ...] = ()
    # People, whose keys are meant.
    members: tuple[User, ...] = ()
    metric: str = "cost"
    split: str = "model"
    by: str = "model"
    # One of SORTS, a minus before it or not; empty is the usual order.
    sort: str = ""
    # Messages by field name; `typed` is what stood in the fields.
    errors: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return self.scope.organization.zone

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def unit(self) -> str:
        """Width of a bar: hour, day or week."""
        if self.days <= _HOURS_UNTIL:
            return "hour"
        return "day" if self.days <= _DAYS_UNTIL else "week"

    @property
    def is_running(self) -> bool:
        """Whether today is among the days."""
        return self.first <= self.today <= self.last

    @property
    def is_narrowed(self) -> bool:
        return bool(self.projects or self.keys or self.models or self.members)

    @property
    def shown(self) -> str:
        """The days that the form showed: a changed day wins over the period that stands beside it."""
        return f"{self.first}.{self.last}"

    def edges(self, unit: str = "") -> list[datetime]:
        """The UTC instants between which the bars lie."""
        edges_of = {"hour": reports.hour_edges, "day": reports.day_edges, "week": reports.week_edges}
        return edges_of[unit or self.unit](self.first, self.last, self.zone)

    def starts(self) -> list[tuple[date, date]]:
        """First and last day of each bar of days or weeks."""
        local = [periods.day_of(edge, self.zone) for edge in self.edges()]
        return [(since, until - timedelta(days=1)) for since, until in pairwise(local)]

    def chosen(self, edges: Sequence[datetime]) -> Filter:
        """The filter that reports understand, between the first and the last edge."""
        found = self.scope.filter(edges)
        if self.projects:
            found = replace(found, project_ids=tuple(one.pk for one in self.projects))
        return replace(
            found,
            key_ids=tuple(one.pk for one in self.keys),
            models=self.models,
            owner_ids=tuple(one.pk for one in self.members),
        )

    def query(self, **changes: Any) -> str:
        """The canonical query string with some values changed; days given as `days=(first, last)`."""
        values: dict[str, Any] = {
            "period": self.period,
            "days": (self.first, self.last),
            "project": [one.public_id for one in self.projects],
            "key": [one.public_id for one in self.keys],
            "model": self.models,
            "member": [one.public_id for one in self.members],
            "metric": self.metric,
            "split": self.split,
            "by": self.by,
            "sort": self.sort,
        } | changes
        if "days" in changes:
            values["period"] = "custom"
        usual = {"period": USUAL_PERIOD, "metric": usual_metric(self.scope), "split": "model", "by": "model"}
        pairs: list[tuple[str, Any]] = []
        for name, value in values.items():
            if name == "days":
                if values["period"] == "custom":
                    pairs += [("from", value[0]), ("to", value[1])]
            elif name == "period" and value == "custom":
                continue
            elif isinstance(value, str):
                pairs += [(name, value)] if value != usual.get(name, "") else []
            else:
                pairs += [(name, one) for one in value]
        return f"?{urlencode(pairs)}"


def read(query: QueryDict, scope: Scope, now: datetime) -> UsageFilter:
    """The filter of a URL; wrong days leave a message at their field. Raises Unknown."""
    today = periods.day_of(now, scope.organization.zone)
    period, first, last, errors, typed = _days(query, today)
    metric = query.get("metric", "")
    by = query.get("by", "")
    return UsageFilter(
        scope=scope,
        today=today,
        period=period,
        first=first,
        last=last,
        projects=_rows(_values(query, "project"), scope.projects),
        keys=_keys(_values(query, "key"), scope),
        models=_models(_values(query, "model")),
        members=_members(_values(query, "member"), scope),
        metric=metric if metric in METRICS and (scope.sees_money or metric != "cost") else usual_metric(scope),
        split=query.get("split", "") if query.get("split") in SPLITS else "model",
        by=by if by in GROUPINGS else "model",
        sort=_sort(query.get("sort", ""), scope),
        errors=errors,
        typed=typed,
    )


def _sort(text: str, scope: Scope) -> str:
    column = text.removeprefix("-")
    return text if column in SORTS and (scope.sees_money or column != "cost") else ""


def previous(period: str, first: date, last: date) -> tuple[date, date]:
    """The days to compare with: the same days of the month before, or as many days before."""
    if period in ("month", "last-month"):
        end = first - timedelta(days=1)
        if period == "last-month":
            return end.replace(day=1), end
        return end.replace(day=1), min(end, end.replace(day=1) + (last - first))
    length = (last - first) + timedelta(days=1)
    return first - length, last - length


def usual_metric(scope: Scope) -> str:
    """What the page measures without being told."""
    return "cost" if scope.sees_money else "tokens"


def _values(query: QueryDict, name: str) -> list[str]:
    """The different values of a parameter that may be repeated."""
    found = [value for value in query.getlist(name) if value]
    if len(found) > _MOST_VALUES:
        raise Unknown(f"Choose at most {_MOST_VALUES} of {name}.")
    return list(dict.fromkeys(found))


def _rows(public_ids: Sequence[str], rows: Iterable[_Row]) -> tuple[_Row, ...]:
    by_id = {row.public_id: row for row in rows}
    if missing := [one for one in public_ids if one not in by_id]:
        raise Unknown(f"There is no {missing[0][:40]}.")
    return tuple(by_id[one] for one in public_ids)


def _keys(public_ids: list[str], scope: Scope) -> tuple[ApiKey, ...]:
    if not public_ids:
        return ()
    if any("\0" in one for one in public_ids):
        raise Unknown("There is no such key.")
    return _rows(public_ids, scope.keys().filter(public_id__in=public_ids).select_related("project"))


def _members(public_ids: list[str], scope: Scope) -> tuple[User, ...]:
    return _rows(public_ids, owners(scope)) if public_ids else ()


def owners(scope: Scope) -> list[User]:
    """The people who own keys in reach, or are members; by name."""
    owned = scope.keys().exclude(owner=None).order_by().values("owner").distinct()
    found = User.objects.filter(Q(pk__in=owned) | Q(memberships__organization=scope.organization)).distinct()
    return sorted(found, key=lambda one: (one.get_full_name().casefold(), one.pk))


def _models(names: list[str]) -> tuple[str, ...]:
    """A model that nobody used is no error: there is nothing to see."""
    if any("\0" in name or len(name) > 100 for name in names):
        raise Unknown("There is no such model.")
    return tuple(names)


def _days(query: QueryDict, today: date) -> tuple[str, date, date, dict[str, str], dict[str, str]]:
    """Period, first day, last day, messages and what was typed."""
    period = query.get("period", "")
    typed = {"from": query.get("from", "").strip(), "to": query.get("to", "").strip()}
    if (shown := query.get("shown", "")) and shown != f"{typed['from']}.{typed['to']}":
        period = "custom"
    if period not in PERIODS:
        period = "custom" if typed["from"] or typed["to"] else USUAL_PERIOD
    if period != "custom":
        return period, *preset(period, today), {}, {}
    errors: dict[str, str] = {}
    last = _date(typed["to"], today, "to", errors)
    first = _date(typed["from"], min(today, last) - timedelta(days=29), "from", errors)
    if not errors and first > last:
        errors["to"] = gettext("The last day lies before the first.")
    elif not errors and (last - first).days >= MOST_DAYS:
        errors["to"] = gettext("Choose at most %(most_days)s days; these are %(days_1)s.") % {
            "most_days": MOST_DAYS,
            "days_1": written(f"{(last - first).days + 1:,}"),
        }
    if errors:
        return period, *preset(USUAL_PERIOD, today), errors, typed
    return period, first, last, errors, {}


def _date(text: str, usual: date, name: str, errors: dict[str, str]) -> date:
    if not text:
        return usual
    try:
        if _DATE.fullmatch(text) and _EARLIEST <= (day := date.fromisoformat(text)) <= _LATEST:
            return day
    except ValueError:
        pass
    errors[name] = "Write a day such as 2026-11-23."
    return usual
