"""Every span = the buckets of 15 minutes in it, for keys and for projects, of every width."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from billing.verification.difference import Difference, compare
from billing.verification.scope import Scope
from foundation import periods
from foundation.keyset import pages
from foundation.money import PICO_PER_NANO
from foundation.sql import utc
from usage.spans import OF_KEY_TOTALS, OF_KEYS, OF_PROJECTS, Level, start_of

SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge", "saved (pico-USD)")
STORED = (*SUMS[:-1], "saved", "saved_pico")
_PROJECT_AND_MODEL = ("project_id", "model")
_KEY_AND_MODEL = ("project_id", "api_key_id", "model")
_KEY = ("project_id", "api_key_id")
_NAMES = {"project_id": "project ", "api_key_id": "key ", "model": ""}
Who = tuple[Any, ...]
Sums = dict[Who, list[int]]
# Organization and start.
_When = tuple[int, datetime]


class Spans:
    """Is told what every bucket ought to be, in the order of organization and time, and compares the spans of them."""

    tables = (OF_KEYS[1].table, OF_KEY_TOTALS[2].table, OF_PROJECTS[0].table)

    def __init__(self, scope: Scope) -> None:
        self._keys = _chain(scope, OF_KEYS[1:], _KEY_AND_MODEL)
        self._totals = _chain(scope, OF_KEY_TOTALS[2:], _KEY)
        self._projects = _chain(scope, OF_PROJECTS, _PROJECT_AND_MODEL)

    def add(self, organization_id: int, bucket: datetime, sums: Sums) -> Iterator[Difference]:
        """A bucket: sums by project, key and model."""
        yield from self._keys.add((organization_id, bucket), sums)
        of_keys: Sums = {}
        of_projects: Sums = {}
        for (project_id, key_id, model), values in sums.items():
            add(of_keys, (project_id, key_id), values)
            add(of_projects, (project_id, model), values)
        yield from self._totals.add((organization_id, bucket), of_keys)
        yield from self._projects.add((organization_id, bucket), of_projects)

    def end(self) -> Iterator[Difference]:
        """After the last bucket."""
        yield from self._keys.end()
        yield from self._totals.end()
        yield from self._projects.end()


class _Width:
    """The spans of one width. What ought to be in one goes on to the wider one, whatever is stored."""

    def __init__(self, scope: Scope, level: Level, who: tuple[str, ...], wider: "_Width | None") -> None:
        self._level = level
        self._who = who
        self._wider = wider
        self._stored = _stored(scope, level, who)
        self._found = next(self._stored, None)
        self._open: tuple[_When, Sums] | None = None

    def add(self, when: _When, sums: Sums) -> Iterator[Difference]:
        span = (when[0], start_of(when[1], self._level.width))
        if self._open and self._open[0] != span:
            yield from self._close()
        _, made = self._open = self._open or (span, {})
        for who, values in sums.items():
            add(made, who, values)

    def end(self) -> Iterator[Difference]:
        yield from self._close()
        yield from self._surplus(None)
        if self._wider:
            yield from self._wider.end()

    def _close(self) -> Iterator[Difference]:
        if not self._open:
            return
        when, expected = self._open
        self._open = None
        yield from self._surplus(when)
        if self._found and self._found[0] == when:
            yield from self._differences(when, expected, self._found[1])
            self._found = next(self._stored, None)
        else:
            yield from self._differences(when, expected, {})
        if self._wider:
            yield from self._wider.add(when, expected)

    def _surplus(self, until: _When | None) -> Iterator[Difference]:
        """What is stored where nothing ought to be."""
        while self._found and (until is None or self._found[0] < until):
            yield from self._differences(self._found[0], {}, self._found[1])
            self._found = next(self._stored, None)

    def _differences(self, when: _When, expected: Sums, found: Sums) -> Iterator[Difference]:
        if expected == found:
            return
        nothing = [0] * len(SUMS)
        for who in sorted(expected.keys() | found.keys()):
            names = " ".join(f"{_NAMES[column]}{value}" for column, value in zip(self._who, who, strict=True))
            where = f"organization {when[0]} {names} {periods.iso(when[1])} {self._level.width} minutes"
            yield from compare(
                "span", where, zip(SUMS, expected.get(who, nothing), found.get(who, nothing), strict=True)
            )


def _chain(scope: Scope, levels: tuple[Level, ...], who: tuple[str, ...]) -> _Width:
    """The narrowest, which leads to all others."""
    first, *wider = levels
    return _Width(scope, first, who, _chain(scope, tuple(wider), who) if wider else None)


def _stored(scope: Scope, level: Level, who: tuple[str, ...]) -> Iterator[tuple[_When, Sums]]:
    """What the table has of that width, one span at a time."""
    columns = ("organization_id", "bucket", *who, *STORED, "id")
    where = f"{scope.where} AND {level.where}"
    when: _When | None = None
    sums: Sums = {}
    for page in pages(level.table, columns, ["organization_id", "bucket", "id"], where, scope.params):
        for organization_id, at, *values, _ in page:
            place = (organization_id, utc(at) or at)
            if when and when != place:
                yield when, sums
                sums = {}
            when = place
            add(sums, tuple(values[: len(who)]), joined(values[len(who) :]))
        scope.progress.advance(len(page))
    if when:
        yield when, sums


def joined(stored: list[int]) -> list[int]:
    """The columns of STORED as SUMS: what was saved in one amount of pico-USD."""
    *sums, saved, saved_pico = stored
    return [*sums, saved * PICO_PER_NANO + saved_pico]


def add(sums: Sums, who: Who, values: list[int], sign: int = 1) -> None:
    """Add values to the sums of somebody."""
    found = sums.setdefault(who, [0] * len(values))
    for place, value in enumerate(values):
        found[place] += sign * value
