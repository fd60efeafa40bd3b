from hypothesis import given
from hypothesis import strategies as st

from billing import rating
from foundation.money import UnitPrices
from usage.counts import TokenCounts

TOKENS = st.integers(0, 2_000_000)
PRICES = st.builds(UnitPrices, *[st.integers(0, 10**9)] * 3)


def test_it_prices_a_request_to_the_nano_dollar():
    prices = UnitPrices(input=270_000, cached_input=70_000, output=1_100_000)
    assert rating.charge(TokenCounts(10, 0, 50), prices) == 57_700
    assert rating.charge(TokenCounts(10, 90, 50), prices) == 64_000


def test_it_rounds_a_charge_down_and_a_hold_up():
    prices = UnitPrices(input=1, cached_input=1, output=1)
    assert rating.charge(TokenCounts(999, 0, 0), prices) == 0
    assert rating.hold(999, 0, prices) == 1


@given(TOKENS, TOKENS, TOKENS, TOKENS, PRICES)
def test_a_charge_within_its_bounds_never_exceeds_its_hold(uncached, cached, output, spare, prices):
    held = rating.hold(uncached + cached + spare, output + spare, prices)
    assert rating.charge(TokenCounts(uncached, cached, output), prices) <= held


@given(st.integers(0, 10**15), TOKENS, PRICES)
def test_an_affordable_cap_is_affordable_and_the_next_one_is_not(available, bound, prices):
    cap = rating.affordable_output(available, bound, prices)
    if cap is None:
        assert rating.hold(bound, 10**6, prices) <= available
    elif cap > 0:
        assert rating.hold(bound, cap, prices) <= available < rating.hold(bound, cap + 1, prices)
