"""Periods and time zones: days, weeks and months of a zone as UTC instants; DST days have 23 or 25 hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BUCKET = timedelta(minutes=15)
_BUCKET_SECONDS = 900


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
