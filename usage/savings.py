"""What cached input saved: at the prices that were pinned in the events, so that it is exact."""

from django.db import connection

from foundation.money import PICO_PER_NANO
from usage.reports import Filter, source_of

COLUMNS = ("saved", "saved_pico")


def saving(cached_tokens: int, input_price: int, cached_price: int) -> tuple[int, int]:
    """What the tokens would have cost more at the price of input, as nano-USD and the pico-USD that are left of it.

    Prices in pico-USD per token. Corrections of ingested events have tokens below zero.
    """
    return divmod((input_price - cached_price) * cached_tokens, PICO_PER_NANO)


def cached_savings(chosen: Filter) -> int:
    """Nano-USD that the filter's cached tokens would have cost more at the price of input, rounded down once."""
    source, params = source_of(chosen, (), counted=COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT SUM(saved), SUM(saved_pico) FROM ({source}) s", params)  # noqa: S608
        nano, pico = (int(value or 0) for value in cursor.fetchone())
    return nano + pico // PICO_PER_NANO
