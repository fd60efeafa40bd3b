"""How the pages of usage write figures: exact integers go in, words come out; no float touches an amount."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from dashboard.templatetags.console import MINUS, compact, count, usd
from foundation import shown_dates
from foundation.money import NANO, to_usd
from foundation.shown_numbers import written
from usage.reports import Sums


@dataclass(frozen=True, slots=True)
class Metric:
    """Something to measure: nano-USD, tokens or requests of some sums, and how one figure of it is shown."""

    name: str
    # Translated where it is shown.
    title: Any
    of: Callable[[Sums], int]
    show: Callable[[int], str]
    exact: Callable[[int], str]


METRICS = {
    "cost": Metric("cost", _("Spend"), lambda sums: sums.charge, usd, usd),
    "tokens": Metric("tokens", _("Tokens"), lambda sums: sums.tokens, compact, count),
    "requests": Metric("requests", _("Requests"), lambda sums: sums.requests, count, count),
}


def places_for(amounts: Iterable[int]) -> int:
    """Decimal places for a column of nano-USD, so that no amount but zero shows as zero."""
    smallest = min((abs(amount) for amount in amounts if amount), default=NANO)
    if smallest >= NANO:
        return 2
    if smallest >= NANO // 100:
        return 4
    return 6 if smallest >= 1_000 else 9


def usd_places(nano: int, places: int) -> str:
    """An amount in a column of that precision, without the currency."""
    rounded = to_usd(abs(nano)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return written(f"{MINUS if nano < 0 else ''}{rounded:,f}")


def percent(part: int, whole: int) -> str:
    """One decimal, two below one percent; what is not zero never shows as zero."""
    if not whole:
        return "—"
    value = Decimal(part) * 100 / whole
    if part and abs(value) < Decimal("0.01"):
        return written(f"<{'' if value > 0 else MINUS}0.01%")
    rounded = value.quantize(Decimal("0.01") if 0 < abs(value) < 1 else Decimal("0.1"), ROUND_HALF_EVEN)
    return written(f"{rounded:,}%".replace("-", MINUS))


def change(now: int, before: int) -> str:
    """How much more or less than before: +12.4 %; empty when there was nothing before."""
    if not before:
        return ""
    sign = "+" if now >= before else MINUS
    return f"{sign}{percent(abs(now - before), before)}"


def day_text(day: date, *, year: bool = True) -> str:
    """23 Nov 2026."""
    return shown_dates.day_text(day, year=year)


def span(first: date, last: date) -> str:
    """25 Oct – 23 Nov 2026."""
    return shown_dates.span_text(first, last)
