"""Models and prices: public, from the rows that bill."""

import pytest
from django.utils import timezone

from billing import opening
from catalog import prices
from catalog.models import LanguageModel, TokenClass
from foundation.money import price_from_usd_per_million
from tests.dashboard.people_at_work import browser
from tests.people import house

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _catalog() -> None:
    opening.seed_if_empty()


def page(query: str = "") -> str:
    return browser(None).get(f"/models/{query}").content.decode()


def test_everybody_sees_models_prices_and_plans() -> None:
    shown = page()
    for text in ("deepseek-chat", "32,768", "0.27", "0.07", "1.10", "deepseek-coder", "0.014", "Pro", "$20.00", "100"):
        assert text in shown, text
    assert shown.count("by agreement") == 3
    assert "http://testserver/v1" in shown


def test_a_new_price_is_shown_at_once() -> None:
    model = LanguageModel.objects.get(name="deepseek-math")
    prices.set_price(model, TokenClass.OUTPUT, price_from_usd_per_million("7.31"))
    assert "7.31" in page()


def test_a_retired_model_is_gone_and_one_without_price_says_so() -> None:
    LanguageModel.objects.filter(name="deepseek-math").update(retired_at=timezone.now())
    LanguageModel.objects.create(name="new-model", context_length=1000, max_output=500)
    shown = page()
    assert "deepseek-math" not in shown
    assert "a price is missing" in shown


def test_search_finds_by_name() -> None:
    assert "deepseek-chat" not in page("?q=coder")
    assert "deepseek-coder" in page("?q=CODER")
    assert "No model matches." in page("?q=zebra")


def test_trying_leads_to_sign_up_or_to_the_playground() -> None:
    assert 'href="/accounts/signup/"' in page()
    alice = house("Alice")
    mine = browser(alice.owner).get("/models/").content.decode()
    assert "/playground/?model=deepseek-chat" in mine
