"""Days and instants in words of the reader's language; the zone is the caller's business."""

from datetime import date, datetime

from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import get_language


def day_text(day: date, *, year: bool = True) -> str:
    """23 Nov 2026; 2026年11月23日."""
    if _is_chinese():
        return f"{day.year}年{day.month}月{day.day}日" if year else f"{day.month}月{day.day}日"
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def instant_text(local: datetime) -> str:
    """23 Nov 2026, 14:05 CET; 2026年11月23日 14:05 CET."""
    return f"{day_text(local)}{' ' if _is_chinese() else ', '}{local:%H:%M %Z}"


def span_text(first: date, last: date) -> str:
    """25 Oct – 23 Nov 2026; 2026年10月25日 – 11月23日; one day alone is that day."""
    if first == last:
        return day_text(first)
    is_one_year = first.year == last.year
    if _is_chinese():
        return f"{day_text(first)} – {day_text(last, year=not is_one_year)}"
    return f"{day_text(first, year=not is_one_year)} – {day_text(last)}"


def month_text(first: date) -> str:
    """November 2026; 2026年11月."""
    return f"{first.year}年{first.month}月" if _is_chinese() else f"{MONTHS[first.month]} {first.year}"


def with_weekday(day: date, *, short: bool = False) -> str:
    """Monday, 23 Nov 2026; 2026年11月23日 星期一."""
    name = (WEEKDAYS_ABBR if short else WEEKDAYS)[day.weekday()]
    return f"{day_text(day)} {name}" if _is_chinese() else f"{name}, {day_text(day)}"


def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")
