"""Days and instants in the reader's language."""

from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from foundation import shown_dates


@pytest.mark.parametrize(
    ("language", "day", "instant", "month", "weekday", "span"),
    [
        (
            "en", "23 Nov 2026", "23 Nov 2026, 14:05 UTC", "November 2026", "Monday, 23 Nov 2026",
            "25 Oct – 23 Nov 2026",
        ),
        (
            "zh-hans", "2026年11月23日", "2026年11月23日 14:05 UTC", "2026年11月", "2026年11月23日 星期一",
            "2026年10月25日 – 11月23日",
        ),
    ],
)  # fmt: skip
def test_days_in_words(language: str, day: str, instant: str, month: str, weekday: str, span: str) -> None:
    at = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    with translation.override(language):
        assert shown_dates.day_text(at.date()) == day
        assert shown_dates.instant_text(at) == instant
        assert shown_dates.month_text(at.date().replace(day=1)) == month
        assert shown_dates.with_weekday(at.date()) == weekday
        assert shown_dates.span_text(date(2026, 10, 25), at.date()) == span
        assert shown_dates.span_text(at.date(), at.date()) == day


def test_a_span_over_the_turn_of_the_year_names_both_years() -> None:
    assert shown_dates.span_text(date(2025, 12, 31), date(2026, 1, 1)) == "31 Dec 2025 – 1 Jan 2026"
    with translation.override("zh-hans"):
        assert shown_dates.span_text(date(2025, 12, 31), date(2026, 1, 1)) == "2025年12月31日 – 2026年1月1日"
