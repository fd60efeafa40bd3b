import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.allocation import Credit, allocate, burn
from billing.terms import Leg

AMOUNTS = st.lists(st.integers(0, 1000), max_size=6)


def credits_of(amounts):
    return [Credit(number, "", amount, 0, amount) for number, amount in enumerate(amounts)]


@given(AMOUNTS, st.integers(0, 4000))
def test_legs_sum_to_the_amount_or_nothing_is_taken(amounts, amount):
    credits = credits_of(amounts)
    legs = allocate(credits, amount)
    if sum(amounts) < amount:
        assert legs is None
        assert [credit.available for credit in credits] == amounts
    else:
        assert sum(leg.amount for leg in legs) == amount
        assert all(credit.available >= 0 for credit in credits)


def test_it_uses_the_first_grant_up_before_the_second():
    assert allocate(credits_of([5, 0, 10]), 7) == (Leg(0, 5), Leg(2, 2))


def test_a_charge_burns_the_first_leg_first():
    assert burn((Leg(1, 5), Leg(2, 5)), 7) == [Leg(1, 5), Leg(2, 2)]
    assert burn((Leg(1, 5), Leg(2, 5)), 0) == []


def test_a_charge_above_its_hold_is_a_bug():
    with pytest.raises(ValueError):
        burn((Leg(1, 5),), 6)
