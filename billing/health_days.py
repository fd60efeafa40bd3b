"""Keep what the status page says of past days: small sums, made by the clock from what was really asked."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from billing.models import Hold, HouseDay, ModelDay

DAYS = 90
# A day that is under way is finished; others wait for the next call.
_MOST_SECONDS = 5.0
# Fewer requests without an answer may be clients that left.
_FEWEST = 3
# The clock may be late by so many minutes without having stood still.
_LATE = 3
_EVERY_MODEL = ""
# A hold that was released had no answer; an event of which the answer broke off says so.
_MINUTES = """
    SELECT h.model, {minute}, SUM(CASE WHEN e.id IS NOT NULL AND e.finish_reason <> 'upstream_error' THEN 1 ELSE 0 END),
        SUM(CASE WHEN e.finish_reason = 'upstream_error' THEN 1 ELSE 0 END),
        SUM(CASE WHEN e.id IS NULL THEN 1 ELSE 0 END)
    FROM billing_hold h LEFT JOIN usage_usageevent e ON e.id = h.id
    WHERE h.admitted_at >= %s AND h.admitted_at < %s AND h.state IN ('settled', 'recovered', 'released')
    GROUP BY h.model, {minute}"""
_MINUTE = {"postgresql": "date_trunc('minute', h.admitted_at)", "sqlite": "substr(h.admitted_at, 1, 16)"}


@dataclass(slots=True)
class _Sum:
    answered: int = 0
    failed: int = 0
    bad_minutes: int = 0

    def add(self, answered: int, broken: int, unanswered: int) -> None:
        """One minute."""
        self.answered += answered
        self.failed += broken + unanswered
        if (broken and broken >= answered) or (not answered and broken + unanswered >= _FEWEST):
            self.bad_minutes += 1


def sum_up() -> int:
    """Today anew, the day that was the last one, and days of the last ninety that nobody summed up, newest first.

    How many were; what takes too long waits for the next call. Any process may run it.
    """
    ends = time.monotonic() + _MOST_SECONDS
    today = timezone.now().astimezone(UTC).date()
    since = today - timedelta(days=DAYS - 1)
    ModelDay.objects.filter(day__lt=since).delete()
    HouseDay.objects.filter(day__lt=since).delete()
    done = set(ModelDay.objects.filter(model=_EVERY_MODEL).values_list("day", flat=True))
    first = max(since, min([_first_day(today), *done]))
    missing = {first + timedelta(days=n) for n in range((today - first).days)} - done
    # The newest day may have gone on after it was summed up.
    number = 0
    for day in sorted({today, *missing, *sorted(done)[-1:]}, reverse=True):
        _save(day, _of(day))
        number += 1
        if time.monotonic() > ends:
            break
    return number


def _first_day(today: date) -> date:
    """Of the first request that there was."""
    first = Hold.objects.order_by("admitted_at").values_list("admitted_at", flat=True).first()
    return first.astimezone(UTC).date() if first else today


def _of(day: date) -> dict[str, _Sum]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    adapt = connection.ops.adapt_datetimefield_value
    sql = _MINUTES.replace("{minute}", _MINUTE[connection.vendor])
    minutes: dict[object, list[int]] = {}
    found: dict[str, _Sum] = {_EVERY_MODEL: _Sum()}
    with connection.cursor() as cursor:
        cursor.execute(sql, [adapt(start), adapt(start + timedelta(days=1))])
        for model, minute, *counts in cursor.fetchall():
            numbers = [int(one or 0) for one in counts]
            found.setdefault(model, _Sum()).add(*numbers)
            so_far = minutes.setdefault(minute, [0, 0, 0])
            minutes[minute] = [one + other for one, other in zip(so_far, numbers, strict=True)]
    for counts in minutes.values():
        found[_EVERY_MODEL].add(*counts)
    return found


def _save(day: date, sums: dict[str, _Sum]) -> None:
    """The same day again replaces what was said of it."""
    ModelDay.objects.bulk_create(
        [
            ModelDay(model=name, day=day, answered=one.answered, failed=one.failed, bad_minutes=one.bad_minutes)
            for name, one in sorted(sums.items())
        ],
        update_conflicts=True,
        unique_fields=["model", "day"],
        update_fields=["answered", "failed", "bad_minutes"],
    )


def count_minute() -> bool:
    """This minute counts as one in which the house ran; once, whoever calls how often."""
    now = timezone.now().astimezone(UTC)
    day, minute = now.date(), now.hour * 60 + now.minute
    rows = HouseDay.objects.filter(day=day)
    # A clock that was late has not stood still; a longer gap has.
    for gap in range(1, _LATE + 1):
        if rows.filter(last_minute=minute - gap).update(last_minute=minute, minutes=F("minutes") + gap):
            return True
    if rows.filter(last_minute__lt=minute).update(last_minute=minute, minutes=F("minutes") + 1):
        return True
    HouseDay.objects.bulk_create(
        [HouseDay(day=day, first_minute=minute, last_minute=minute, minutes=1)], ignore_conflicts=True
    )
    return False


def model_days(names: Iterable[str], today: date) -> dict[str, dict[date, ModelDay]]:
    """By model and day of the last ninety; the empty name is every model together."""
    since = today - timedelta(days=DAYS - 1)
    found: dict[str, dict[date, ModelDay]] = {}
    for row in ModelDay.objects.filter(model__in=list(names), day__gte=since):
        found.setdefault(row.model, {})[row.day] = row
    return found


def house_days(today: date) -> dict[date, HouseDay]:
    """By day of the last ninety."""
    return {row.day: row for row in HouseDay.objects.filter(day__gte=today - timedelta(days=DAYS - 1))}
