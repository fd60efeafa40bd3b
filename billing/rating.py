"""The one place that makes prices into money: tokens x pico-USD, rounded once, down for a charge and up for a hold."""

from foundation.money import PICO_PER_NANO, UnitPrices
from usage.counts import TokenCounts


def _pico(counts: TokenCounts, prices: UnitPrices) -> int:
    if min(counts.input, counts.cached_input, counts.output) < 0:
        raise ValueError("Token counts cannot be negative.")
    return counts.input * prices.input + counts.cached_input * prices.cached_input + counts.output * prices.output


def charge(counts: TokenCounts, prices: UnitPrices) -> int:
    """Nano-USD that these tokens cost, rounded down."""
    return _pico(counts, prices) // PICO_PER_NANO


def hold(input_bound: int, output_cap: int, prices: UnitPrices) -> int:
    """Nano-USD that a request of at most so many tokens can cost, rounded up, so that charge <= hold."""
    dearest_input = max(prices.input, prices.cached_input)
    pico = input_bound * dearest_input + output_cap * prices.output
    return -(-pico // PICO_PER_NANO)


def affordable_output(available: int, input_bound: int, prices: UnitPrices) -> int | None:
    """The largest output cap whose hold fits into `available` nano-USD; None when output costs nothing."""
    left = available * PICO_PER_NANO - input_bound * max(prices.input, prices.cached_input)
    if prices.output == 0:
        return None if left >= 0 else 0
    return max(0, left // prices.output)
