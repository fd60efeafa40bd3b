"""Amounts and times on the pages of limits and billing."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django import template

from billing.explanation import Line
from dashboard import api_words, figures, limit_words
from dashboard.templatetags.console import count
from foundation.shown_numbers import written

register = template.Library()


@register.filter
def line_amount(line: Line, amount: str) -> str:
    """An exact amount of an explanation's line: $ where the line counts money."""
    if line.name == "credit" or "spending" in line.name:
        return written(f"${amount}")
    return count(int(amount))


@register.filter
def said(message: str) -> str:
    """What the API says of a request, in the reader's language."""
    return api_words.said(message)


@register.filter
def line_name(line: Line) -> str:
    """What a line of an explanation is about."""
    return api_words.line_name(line.name)


@register.filter
def scope_name(scope: str) -> str:
    """Organization, Project or API key."""
    return str(limit_words.SCOPES.get(scope, scope))


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
