"""Periods and time zones: days, weeks and months of a zone as UTC instants; DST days have 23 or 25 hours."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    """What a limit counts in; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    LIFETIME = "lifetime"


BUCKET = timedelta(minutes=15)
_BUCKET_SECONDS = 900


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def bucket_start(at: datetime) -> datetime:
    """The 15-minute UTC bucket that holds `at`; every zone's days are unions of such buckets."""
    seconds = int(at.timestamp()) // _BUCKET_SECONDS * _BUCKET_SECONDS
    return datetime.fromtimestamp(seconds, UTC)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a zone's calendar day begins (the first instant that exists, on a DST day)."""
    local = datetime.combine(day, time.min, tzinfo=zone)
    return local.astimezone(UTC)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day in the zone at that instant."""
    return at.astimezone(zone).date()


def month_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the zone's month that holds `at` began."""
    return day_start(day_of(at, zone).replace(day=1), zone)


def next_month_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the zone's next month begins."""
    first = day_of(at, zone).replace(day=1)
    return day_start((first + timedelta(days=32)).replace(day=1), zone)


def days_between(first: date, last: date) -> list[date]:
    """All days from first to last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def bounds(period: str, at: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The UTC instants between which the zone's day, week or month that holds `at` lies; a lifetime has none."""
    day = day_of(at, zone)
    if period == Period.LIFETIME:
        return None, None
    if period == Period.MONTH:
        return month_start(at, zone), next_month_start(at, zone)
    first = day - timedelta(days=day.weekday()) if period == Period.WEEK else day
    days = 7 if period == Period.WEEK else 1
    return day_start(first, zone), day_start(first + timedelta(days=days), zone)
