from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from billing import price_explanation, rating
from billing.price_explanation import Charge, Unexplained, explain
from billing.price_history import Buyer, KnownPrice
from catalog.models import LanguageModel, Plan, Price
from foundation.money import PICO_PER_NANO, UnitPrices, pico_usd_string
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.billing.ruin import ruin
from tests.people import house
from usage.counts import TokenCounts
from usage.models import UsageEvent

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BUYER = Buyer(organization_id=7, plan_id=3)
_tokens = st.integers(0, 2**31 - 1)
_price = st.integers(0, 10**9)


def row(price_id, scope="everybody", unit_price=270_000, days=30, known_days=None, **who):
    """A price that holds since so many days before NOON."""
    return KnownPrice(
        token_class="input", scope=scope, plan_id=who.get("plan"), organization_id=who.get("organization"),
        unit_price=unit_price, effective_from=NOON - timedelta(days=days), price_id=price_id,
        created_at=NOON - timedelta(days=days if known_days is None else known_days), subject=who.get("subject", ""),
    )  # fmt: skip


def three_tokens():
    """Charged at price 1."""
    return Charge(NOON, TokenCounts(3, 0, 0), UnitPrices(270_000, 1, 1), (1, 90, 91), 810, 0)


@given(
    counts=st.builds(TokenCounts, _tokens, _tokens, _tokens),
    prices=st.builds(UnitPrices, _price, _price, _price),
    held=st.integers(0, 2**40),
)
def test_the_lines_sum_to_the_charge(counts, prices, held):
    actual = rating.charge(counts, prices)
    charged = min(actual, held)
    lines = explain(Charge(NOON, counts, prices, (1, 2, 3), charged, actual - charged), [], BUYER)
    assert sum(line.amount for line in lines) == charged * PICO_PER_NANO
    assert [line.name for line in lines[:3]] == ["input", "cached_input", "output"]
    assert [line.count for line in lines[:3]] == [counts.input, counts.cached_input, counts.output]
    for line in lines[:3]:
        assert line.amount == line.count * line.unit_price
    for line in lines[3:]:
        assert line.name in ("rounding", "overrun")
        assert line.amount < 0
        assert line.name == "overrun" or line.amount > -PICO_PER_NANO


@given(pico=st.integers(-(2**80), 2**80))
def test_pico_usd_is_written_exactly(pico):
    whole, _, fraction = pico_usd_string(pico).partition(".")
    assert int(whole + fraction.ljust(12, "0")) == pico


def test_a_charge_that_its_prices_do_not_make_is_not_explained():
    with pytest.raises(Unexplained):
        explain(Charge(NOON, TokenCounts(10, 0, 0), UnitPrices(1000, 0, 0), (1, 2, 3), 11, 0), [], BUYER)


def test_a_narrower_price_overrides_wider_ones_and_a_newer_one_older_ones():
    catalog = [
        row(1, "organization", organization=7, subject="Acme"),
        row(2, "organization", days=60, organization=7),
        row(3, "plan", plan=3, days=10),
        row(4, days=5),
        row(5, days=90),
        # These never spoke to the buyer, or not yet.
        row(6, "organization", organization=8),
        row(7, "plan", plan=4),
        row(8, "organization", days=-1, organization=7),
        row(9, "organization", days=1, known_days=-2, organization=7, unit_price=270_000),
    ]
    line = explain(three_tokens(), catalog, BUYER)[0]
    assert line.price == catalog[0]
    assert line.why == "price 1 for Acme from 2026-04-01T12:00:00Z"
    assert [other.price_id for other in line.overrode] == [2, 3, 4, 5]
    assert line.corrected is None


def test_a_price_that_was_corrected_afterwards_is_named():
    catalog = [row(1), row(2, days=10, known_days=-3, unit_price=27_000)]
    line = explain(three_tokens(), catalog, BUYER)[0]
    assert line.corrected == catalog[1]
    assert line.overrode == ()


@pytest.mark.django_db
@pytest.mark.database
def test_the_command_prints_the_lines():
    alice = house()
    serve_all_models()
    model = LanguageModel.objects.get(name="deepseek-chat")
    discount = {"model": model, "effective_from": timezone.now() - timedelta(days=1), "created_at": timezone.now()}
    plan = Plan.objects.get(code="pro")
    Price.objects.create(token_class="output", scope="plan", plan=plan, unit_price=1_000_001, **discount)
    own = Price.objects.create(
        token_class="output", scope="organization", organization=alice.organization, unit_price=900_001, **discount
    )
    settle(outcome(admitted(ask(*alice.key())), TokenCounts(10, 0, 60)))
    event = UsageEvent.objects.get()
    assert event.overrun == 8999
    out = StringIO()
    call_command("explain_charge", event.request_id, stdout=out)
    text = out.getvalue()
    assert f"price {own.pk} for Alice's from" in text
    assert "output: goes before price" in text and "for the plan Pro" in text and "for everybody" in text
    lines = {line[:12].strip(): line.split() for line in text.splitlines()[2:]}
    assert lines["input"][1:5] == ["10", "0.27", "270000", "0.0000027"]
    assert lines["output"][1:5] == ["60", "0.900001", "900001", "0.00005400006"]
    assert lines["rounding"][1] == "-0.00000000006"
    assert lines["overrun"][1] == "-0.000008999"
    assert lines["charge"][1] == "0.000047701"
    again = StringIO()
    call_command("explain_charge", str(event.pk), stdout=again)
    assert again.getvalue() == text
    with pytest.raises(CommandError, match="no usage event"):
        call_command("explain_charge", "req_nobody")
    ruin("UPDATE usage_usageevent SET charge = charge + 1")
    with pytest.raises(CommandError, match="verify_ledger"):
        call_command("explain_charge", event.request_id)


def test_the_plan_is_the_one_that_was_charged():
    catalog = [row(1), row(2, "plan", plan=3), row(3, "organization", organization=7)]
    assert price_explanation.pinned_plan("1,2,3", catalog) == 3
    assert price_explanation.pinned_plan("1,1,3", catalog) is None
