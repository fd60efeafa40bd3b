"""Amounts are integers of nano-USD (1e-9 USD); prices are integers of pico-USD per token. No float carries money."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

NANO = 1_000_000_000
PICO_PER_NANO = 1_000
CURRENCY = "USD"
# 64-bit columns: about 9.2 billion USD.
LARGEST = 2**63 - 1


class InvalidAmount(ValueError):
    """The text or number is not an exact amount of money."""


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Pico-USD per token of each token class; the same number is micro-USD per 1M tokens."""

    input: int
    cached_input: int
    output: int


def from_usd(value: str | int | Decimal) -> int:
    """Nano-USD of a decimal text, an integer or a Decimal of USD; raises InvalidAmount when it is not exact."""
    if isinstance(value, bool | float):
        raise InvalidAmount("Amounts are decimal strings such as '12.50'; a float cannot carry money.")
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise InvalidAmount(f"{str(value)[:40]!r} is not an amount of USD such as '12.50'.") from error
    if not amount.is_finite():
        raise InvalidAmount("An amount must be a finite number.")
    if abs(amount) > LARGEST // NANO:
        raise InvalidAmount("An amount must be below 9.2 billion USD.")
    nano = amount * NANO
    if nano != nano.to_integral_value():
        raise InvalidAmount("An amount has at most nine decimal places.")
    return int(nano)


def to_usd(nano: int) -> Decimal:
    """The exact Decimal of USD."""
    return Decimal(nano).scaleb(-9)


def usd_string(nano: int) -> str:
    """Exact decimal string of USD without an exponent, at least two decimals: 217000 -> '0.000217'."""
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def pico_usd_string(pico: int) -> str:
    """As `usd_string`, of pico-USD: 2700007 -> '0.000002700007'."""
    nano, rest = divmod(abs(pico), PICO_PER_NANO)
    sign = "-" if pico < 0 else ""
    if not rest:
        return sign + usd_string(nano)
    whole, fraction = divmod(nano, NANO)
    return f"{sign}{whole}." + f"{fraction:09d}{rest:03d}".rstrip("0")


def price_from_usd_per_million(value: str | Decimal) -> int:
    """Pico-USD per token of a price written as USD per 1M tokens: '0.27' -> 270000."""
    nano_per_million = from_usd(value)
    if nano_per_million < 0:
        raise InvalidAmount("A price cannot be negative.")
    # 1 USD per 1M tokens = 1e-6 USD = 1e6 pico-USD a token = 1e9 nano-USD per 1M tokens.
    pico, rest = divmod(nano_per_million, 1_000)
    if rest:
        raise InvalidAmount("A price has at most six decimal places of USD per 1M tokens.")
    return pico


def usd_per_million_string(pico_per_token: int) -> str:
    """USD per 1M tokens as an exact decimal string: 270000 -> '0.27'."""
    return usd_string(pico_per_token * 1_000)
