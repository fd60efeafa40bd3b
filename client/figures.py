"""Amounts and instants as people read them. Amounts stay decimal: no float carries money."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LEAST = Decimal("0.0001")


def usd(amount: str | None) -> str:
    """Exact, as the API gives it."""
    if amount is None:
        return "—"
    value = Decimal(amount)
    return f"-${-value:,f}" if value < 0 else f"${value:,f}"


def short_usd(value: Decimal) -> str:
    """To four places; what is not zero never looks like zero."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    if 0 < size < _LEAST:
        return f"{sign}<${_LEAST}"
    places = Decimal("0.01") if size >= 100 or size == 0 else _LEAST
    return f"{sign}${size.quantize(places, ROUND_HALF_EVEN):,}"


def count(number: Any) -> str:
    """A whole number with separators."""
    return f"{int(number):,}"


def minute(instant: str | None, zone: str) -> str:
    """To the minute on the clock of that zone, with its distance from UTC."""
    return local(parsed(instant), zone).isoformat(" ", "minutes") if instant else "—"


def ago(instant: str | None, now: datetime | None = None) -> str:
    """How long it is ago, in one unit."""
    if instant is None:
        return "never"
    seconds = int(((now or datetime.now(UTC)) - parsed(instant)).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit} ago"
    return "just now"


def moment(instant: str, *, dated: bool = False) -> str:
    """To the second, on this machine's clock."""
    at = parsed(instant).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}" if dated else f"{at:%H:%M:%S}"


def clock() -> str:
    """How far this machine's clock is from UTC, such as UTC+01:00."""
    return f"UTC{datetime.now(UTC).astimezone().isoformat()[-6:]}"


def local(at: datetime, zone: str) -> datetime:
    """On the clock of the organization; UTC where this machine does not know its zone."""
    try:
        return at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return at


def parsed(instant: str) -> datetime:
    """The instant that the API wrote."""
    return datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(UTC)
