"""Amounts and times on the pages of limits and billing."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django import template

from billing.explanation import Line
from dashboard import figures, limit_words

register = template.Library()


@register.filter
def line_amount(line: Line, amount: str) -> str:
    """An exact amount of an explanation's line: $ where the line counts money."""
    if line.name == "credit" or "spending" in line.name:
        return f"${amount}"
    return f"{int(amount):,}"


@register.filter
def signed_places(nano: int, places: int) -> str:
    """What was added or taken, in a column of so many decimal places: +5.00 or −0.0003."""
    return f"{'+' if nano > 0 else ''}{figures.usd_places(nano, places)}"


@register.filter
def at_zone(at: datetime, zone: ZoneInfo) -> str:
    """A time of the organization's zone: 1 Dec 2026, 00:00 CET."""
    return limit_words.until(at, zone)


@register.filter
def day_zone(at: datetime, zone: ZoneInfo) -> str:
    """The day in the organization's zone."""
    return figures.day_text(at.astimezone(zone).date())


@register.filter
def day_text(day: date) -> str:
    """23 Nov 2026."""
    return figures.day_text(day)
