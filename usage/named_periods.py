"""Periods that have a name, as days of an organization's zone."""

from datetime import date, timedelta

NAMES = ("today", "7d", "30d", "90d", "month", "last-month")


def preset(period: str, today: date) -> tuple[date, date]:
    """First and last day of a named period."""
    month = today.replace(day=1)
    if period == "today":
        return today, today
    if period == "month":
        return month, today
    if period == "last-month":
        end = month - timedelta(days=1)
        return end.replace(day=1), end
    return today - timedelta(days=int(period.removesuffix("d")) - 1), today
