"""Ninety days of each component of the status page, as bars that say what they stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing import health_days
from billing.health_days import DAYS
from billing.models import HouseDay, ModelDay
from foundation import shown_dates

_DAY_MINUTES = 24 * 60
# From so many minutes on a day is shown as bad, not only as troubled.
_BAD = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; tone: `ok`, `warn`, `danger`, or empty where nothing is known."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class History:
    """A component's days, oldest first; the share of minutes without trouble, of those that something is known of."""

    bars: list[Bar]
    uptime: str
    known: int

    @property
    def label(self) -> str:
        """For those who do not see the bars."""
        if not self.known:
            return _("Nothing is known of the last %(days)s days") % {"days": DAYS}
        return _("Last %(days)s days: %(uptime)s uptime") % {"days": DAYS, "uptime": self.uptime}


def of_models(names: Sequence[str], now: datetime) -> dict[str, History]:
    """By model name; the empty name is every model together: the API."""
    today = now.astimezone(UTC).date()
    found = health_days.model_days(["", *names], today)
    return {name: _history(found.get(name, {}), today, now, _model_bar) for name in ["", *names]}


def of_house(now: datetime) -> History:
    """The process that answers pages."""
    today = now.astimezone(UTC).date()
    return _history(health_days.house_days(today), today, now, _house_bar)


def _history(rows: Mapping[date, Any], today: date, now: datetime, bar_of: Any) -> History:
    bars, bad, known = [], 0, 0
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - number)
        bar, lost, minutes = bar_of(day, rows.get(day), now)
        bars.append(bar)
        bad, known = bad + lost, known + minutes
    return History(bars, _percent(known - bad, known), known)


def _model_bar(day: date, row: ModelDay | None, now: datetime) -> tuple[Bar, int, int]:
    """The bar, its bad minutes, and the minutes that it speaks of."""
    name = shown_dates.day_text(day, year=False)
    if row is None or not row.answered + row.failed:
        return Bar(_("%(day)s: no requests") % {"day": name}, ""), 0, 0
    asked = ngettext("%(n)s request", "%(n)s requests", row.answered + row.failed) % {
        "n": f"{row.answered + row.failed:,}"
    }
    facts = {"day": name, "asked": asked, "failed": f"{row.failed:,}"}
    if not row.bad_minutes:
        text = _("%(day)s: no trouble, %(asked)s") % facts
    else:
        trouble = ngettext("%(n)s min degraded", "%(n)s min degraded", row.bad_minutes) % {"n": row.bad_minutes}
        text = _("%(day)s: %(trouble)s, %(failed)s of %(asked)s failed") % {**facts, "trouble": trouble}
    return Bar(text, _tone(row.bad_minutes)), row.bad_minutes, _minutes_of(day, now)


def _house_bar(day: date, row: HouseDay | None, now: datetime) -> tuple[Bar, int, int]:
    name = shown_dates.day_text(day, year=False)
    if row is None:
        return Bar(_("%(day)s: not known") % {"day": name}, ""), 0, 0
    # Before the first minute and after the last of a day nobody knows: it was begun or ended, or is still going on.
    spoken = row.last_minute - row.first_minute + 1
    lost = max(0, spoken - row.minutes)
    if not lost:
        return Bar(_("%(day)s: no trouble") % {"day": name}, "ok"), 0, spoken
    text = ngettext("%(day)s: did not run for %(n)s min", "%(day)s: did not run for %(n)s min", lost)
    return Bar(text % {"day": name, "n": lost}, _tone(lost)), lost, spoken


def _tone(bad: int) -> str:
    return "danger" if bad >= _BAD else "warn" if bad else "ok"


def _minutes_of(day: date, now: datetime) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return max(1, min(_DAY_MINUTES, int((now - start).total_seconds() // 60) + 1))


def _percent(part: int, whole: int) -> str:
    """Two decimals, rounded down: what was not all is never 100 %."""
    if not whole:
        return "—"
    value = (Decimal(part) * 100 / whole).quantize(Decimal("0.01"), ROUND_DOWN)
    return f"{value}%" if part < whole else "100%"
