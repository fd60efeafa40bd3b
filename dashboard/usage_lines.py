"""The breakdown of the Usage page: a row for each model, key, project, member or day, with its errors and its pace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import ApiKey, Project, User
from billing import refusal_reports
from billing.refusal_reports import Refusals
from dashboard import usage_chart
from dashboard.figures import METRICS
from dashboard.templatetags.console import count
from dashboard.usage_filters import UsageFilter
from foundation import shown_dates
from usage import pace
from usage.pace import NOT_KNOWN, Pace, Paces
from usage.reports import Sums
from usage.snapshot import LARGEST, PLAYGROUND, PROJECTS, Periods, Row

# What a heading sorts by; the name and the share have orders of their own.
_SORTED_BY: dict[str, Callable[["Line"], int | None]] = {
    "requests": lambda line: line.sums.requests,
    "input": lambda line: line.sums.prompt,
    "cached": lambda line: line.sums.cached_input,
    "output": lambda line: line.sums.output,
    "errors": lambda line: line.errors,
    "time": lambda line: line.pace.duration,
    "cost": lambda line: line.sums.charge,
}
# More rows than these are summed up in one: the export has them all.
MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the breakdown; `url` narrows the page to it, `requests` is the query of the requests behind it."""

    name: str
    note: str
    url: str
    sums: Sums
    swatch: str = ""
    requests: str = ""
    # Refused requests and answers that broke off.
    errors: int = 0
    pace: Pace = NOT_KNOWN


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong in all: answers that broke off are requests, refused ones are not."""

    failed: int
    refused: int
    too_fast: int

    @property
    def errors(self) -> int:
        return self.failed + self.refused


@dataclass(frozen=True, slots=True)
class Breakdown:
    lines: list[Line]
    trouble: Trouble
    paces: Paces
    # Sorted are only the rows that are shown, which are the largest.
    sorts_the_largest: bool = False


def key_name(key: ApiKey) -> str:
    """As figures name a key: a revoked one says so, the built-in one is the playground."""
    if key.is_playground:
        return "Playground"
    return _("%(name)s (revoked)") % {"name": key.name} if key.revoked_at else key.name


def largest_by(chosen: UsageFilter) -> tuple[str, bool]:
    """By what rows are chosen where there are more than are shown, and whether those that have least of it."""
    column, rises = chosen.sort.removeprefix("-"), not chosen.sort.startswith("-")
    if column in LARGEST:
        return column, rises
    return chosen.metric, rises and column == "share"


def make(
    chosen: UsageFilter, rows: Sequence[Row], found: Periods | None, swatches: dict[str, str], total: Sums
) -> Breakdown:
    """Of one moment: `rows` by model and bar; `found` by day, project, member or key, of which only the largest."""
    return _Making(chosen, rows, found, swatches, total).breakdown()


class _Making:
    def __init__(
        self, chosen: UsageFilter, rows: Sequence[Row], found: Periods | None, swatches: dict[str, str], total: Sums
    ) -> None:
        self.total = total
        self.filter = chosen
        self.rows = rows
        self.found = found
        self.swatches = swatches
        days = chosen.edges("day")
        asked = chosen.chosen(days)
        periods = days if chosen.by == "day" else chosen.edges()
        self.paces = pace.read(asked, periods, "period" if chosen.by == "day" else chosen.by, total.requests)
        group = {"day": "period", "member": "key"}.get(chosen.by, chosen.by)
        self.failed = pace.failures(asked, group, days)
        self.refused = refusal_reports.by_group(asked, group, days)

    def breakdown(self) -> Breakdown:
        make_lines = {
            "model": self._models, "key": self._keys, "project": self._projects, "member": self._members,
            "day": self._days,
        }[self.filter.by]  # fmt: skip
        lines = self._ordered(make_lines())
        refused = list(self.refused.values())
        trouble = Trouble(
            sum(self.failed.values()), sum(one.count for one in refused), sum(one.too_fast for one in refused)
        )
        number = max(len(lines), self.found.groups if self.found else 0)
        column = self.filter.sort.removeprefix("-")
        return Breakdown(
            _cut(lines, number, self.total, trouble.errors),
            trouble,
            self.paces,
            number > MOST_ROWS and column not in ("", "share", *LARGEST),
        )

    def _ordered(self, lines: list[Line]) -> list[Line]:
        """As the address asks; without a choice the newest day, or the largest share, first."""
        is_days = self.filter.by == "day"
        largest = sorted(lines, key=self._size)
        column, falls = self.filter.sort.removeprefix("-"), self.filter.sort.startswith("-")
        if not column:
            return lines if is_days else largest
        if column == "name":
            rising = lines[::-1] if is_days else sorted(lines, key=lambda line: (line.name.casefold(), line.note))
            return rising[::-1] if falls else rising
        if column == "share":
            return largest if falls else largest[::-1]
        value = _SORTED_BY[column]
        known = [line for line in largest if value(line) is not None]
        known.sort(key=lambda line: value(line) or 0, reverse=falls)
        # What is not known is neither much nor little.
        return known + [line for line in largest if value(line) is None]

    def _size(self, line: Line) -> tuple[Any, ...]:
        cost = line.sums.charge if self.filter.scope.sees_money else 0
        return (
            -METRICS[self.filter.metric].of(line.sums),
            -cost,
            -line.sums.tokens,
            -line.sums.requests,
            -line.errors,
            line.name,
            line.note,
        )

    def _line(self, value: Any, name: str, note: str, sums: Sums, **narrower: Any) -> Line:
        """A row that narrows the page to the requests behind it."""
        query = self.filter.query(**narrower)
        return self._told(Line(name, note, query, sums, requests=query), value)

    def _told(self, line: Line, value: Any) -> Line:
        return replace(line, errors=self._errors(value), pace=self.paces.of(value))

    def _errors(self, value: Any) -> int:
        return self.failed.get(value, 0) + self.refused.get(value, Refusals(0, 0)).count

    def _values(self, used: dict[Any, Sums]) -> dict[Any, Sums]:
        """What was used, and what was only refused, unless more was used than is shown."""
        if self.found and self.found.groups > len(used):
            return used
        return {**{value: Sums() for value in self.refused if value is not None}, **used}

    def _models(self) -> list[Line]:
        used = usage_chart.total_by_model(self.rows)
        lines = []
        for name, sums in self._values(used).items():
            if name not in used:
                lines.append(self._told(Line(name, _("only refused"), "", sums, "other"), name))
                continue
            narrowed = [] if self.filter.models == (name,) else [name]
            line = Line(name, "", self.filter.query(model=narrowed), sums, self.swatches.get(name, "other"))
            lines.append(self._told(replace(line, requests=self.filter.query(model=[name])), name))
        return lines

    def _keys(self) -> list[Line]:
        used = self._values(self.found[0] if self.found else {})
        keys = ApiKey.objects.filter(pk__in=used).select_related("project")
        return [
            self._line(key.pk, key_name(key), key.project.name, used[key.pk], key=[key.public_id]) for key in keys
        ]  # fmt: skip

    def _projects(self) -> list[Line]:
        used = self._values(self.found[0] if self.found else {})
        return [
            self._line(one.pk, one.name, _project_note(one), used[one.pk], project=[one.public_id])
            for one in self.filter.scope.projects
            if one.pk in used
        ]

    def _members(self) -> list[Line]:
        """Keys by whose they are; those of projects and the playground are nobody's."""
        sums: dict[Any, Sums] = dict(self.found[0]) if self.found else {}
        errors: dict[Any, int] = {}
        troubled = ApiKey.objects.filter(pk__in=[one for one in (*self.failed, *self.refused) if one is not None])
        for pk, owner_id, is_playground in troubled.values_list("pk", "owner_id", "is_playground"):
            who = owner_id if owner_id is not None else PLAYGROUND if is_playground else PROJECTS
            sums.setdefault(who, Sums())
            errors[who] = errors.get(who, 0) + self._errors(pk)
        people = User.objects.in_bulk([who for who in sums if isinstance(who, int)])
        lines = []
        for who, one in sums.items():
            if isinstance(who, int):
                person = people[who]
                line = Line(person.get_full_name(), person.email, self.filter.query(member=[person.public_id]), one)
                line = replace(line, requests=line.url, pace=self.paces.of(who))
            else:
                named = {PLAYGROUND: "Playground", PROJECTS: _("Keys of projects")}
                line = Line(str(named[who]), _("no one person’s"), "", one)
            lines.append(replace(line, errors=errors.get(who, 0)))
        return lines

    def _days(self) -> list[Line]:
        """Newest first; days to come are left out."""
        lines = []
        for number, row in enumerate(self.found or [{None: sum(one.values(), Sums())} for one in self.rows]):
            day = self.filter.first + timedelta(days=number)
            if day <= self.filter.today:
                note = _("so far") if day == self.filter.today else ""
                name = shown_dates.with_weekday(day, short=True)
                lines.append(self._line(number, name, note, row.get(None, Sums()), days=(day, day)))
        return lines[::-1]


def _cut(lines: list[Line], number: int, total: Sums, errors: int) -> list[Line]:
    """The first rows of `number`, and one that sums up all others, so that the columns still add up."""
    if number <= MOST_ROWS:
        return lines
    shown = lines[:MOST_ROWS]
    rest = total - sum((line.sums for line in shown), Sums())
    more = _("%(n)s more") % {"n": count(number - len(shown))}
    others = errors - sum(line.errors for line in shown)
    return [*shown, Line(more, _("Export CSV has them all"), "", rest, errors=others)]


def _project_note(project: Project) -> str:
    if project.deleted_at:
        return _("deleted")
    return _("archived") if project.archived_at else ""
