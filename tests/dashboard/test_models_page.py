"""Models and prices: public, from the rows that bill."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing import opening
from catalog import prices
from catalog.models import LanguageModel, Price, PriceScope, Provider, TokenClass
from foundation.money import price_from_usd_per_million
from tests.dashboard.people_at_work import browser
from tests.people import house

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _catalog() -> None:
    opening.seed_if_empty()
    opening.route_demo("http://127.0.0.1:9/v1")


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
    assert "No model matches “zebra”." in page("?q=zebra")


def test_trying_leads_to_sign_up_or_to_the_playground() -> None:
    assert 'href="/accounts/signup/"' in page()
    alice = house("Alice")
    mine = browser(alice.owner).get("/models/").content.decode()
    assert "/playground/?model=deepseek-chat" in mine


def test_strangers_may_keep_the_page_for_a_minute_and_members_not_at_all() -> None:
    answer = browser(None).get("/models/")
    assert {"public", "max-age=60"} <= set(answer["cache-control"].split(", "))
    assert "Cookie" in answer["vary"] and "Accept-Language" in answer["vary"]
    assert not answer.cookies
    mine = browser(house("Alice").owner).get("/models/")
    assert "no-store" in mine["cache-control"] and "public" not in mine["cache-control"]


def test_an_estimate_is_the_charge_of_one_request_times_the_requests_of_a_month() -> None:
    # 3 x 0.20 + 7 x 0.07 + 11 x 1.10 = 13.4 micro-USD: floor to the nano, then x 12,345 a day x 30 days.
    shown = page("?input=10&cached=7&output=11&requests=12345")
    one = (3 * 270_000 + 7 * 70_000 + 11 * 1_100_000) // 1_000
    month = one * 12_345 * 30
    assert f'<data value="{month // 10**9}.{month % 10**9:09d}'.rstrip("0") in shown
    detail = page("deepseek-chat/?input=10&cached=7&output=11&requests=12345")
    assert f"${one / 10**9:.9f}".rstrip("0") in detail and "12,345 a day" in detail


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("?input=-1&output=1&requests=1", "greater than or equal to 0"),
        ("?input=1&output=x&requests=1", "Enter a whole number"),
        ("?input=1&cached=2&output=1&requests=1", "No more than the input."),
        ("?input=1&output=1&requests=0", "greater than or equal to 1"),
        ("?input=99999999999999999999&output=1&requests=1", "less than or equal to"),
    ],
)
def test_a_wrong_estimate_says_so_at_its_field(query: str, word: str) -> None:
    answer = browser(None).get(f"/models/{query}")
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert word in shown and "<title>Error:" in shown and 'aria-invalid="true"' in shown
    assert "public" not in answer["cache-control"]


def test_a_filter_of_features_keeps_the_models_that_have_them_all() -> None:
    LanguageModel.objects.filter(name="deepseek-math").update(takes_reasoning_effort=True)
    with_tools = page("?feature=tools")
    assert "/models/deepseek-chat/" in with_tools and "/models/deepseek-math/" not in with_tools
    assert "/models/deepseek-math/" in page("?feature=reasoning")
    assert "No model has all of this." in page("?feature=tools&feature=reasoning")
    assert "/models/deepseek-math/" in page("?feature=nonsense")


def test_a_model_that_will_be_retired_says_until_when_and_what_to_use() -> None:
    chat = LanguageModel.objects.get(name="deepseek-chat")
    ends = timezone.now() + timedelta(days=40)
    LanguageModel.objects.filter(name="deepseek-coder").update(retired_at=ends, successor=chat)
    words = f"Stops {ends.day} {ends:%b %Y}. Use deepseek-chat."
    assert words in page() and "Retiring" in page()
    assert words in page("deepseek-coder/")


def test_a_retired_model_keeps_its_page_and_is_not_offered() -> None:
    LanguageModel.objects.filter(name="deepseek-coder").update(retired_at=timezone.now())
    shown = page("deepseek-coder/")
    assert "Stopped" in shown and "curl" not in shown and "Try" not in shown


def test_a_model_without_a_provider_says_so() -> None:
    Provider.objects.update(enabled=False)
    assert "No provider" in page() and "Requests fail with 503" in page("deepseek-chat/")


def test_the_page_of_a_model_has_its_id_snippet_and_every_price() -> None:
    model = LanguageModel.objects.get(name="deepseek-math")
    prices.set_price(model, TokenClass.OUTPUT, price_from_usd_per_million("7.31"))
    later = timezone.now() + timedelta(days=9)
    prices.set_price(model, TokenClass.INPUT, price_from_usd_per_million("0.10"), later)
    shown = page("deepseek-math/")
    assert 'id="model-id">deepseek-math<' in shown and 'data-copy="model-id"' in shown
    assert "http://testserver/v1/chat/completions" in shown and "&quot;deepseek-math&quot;" in shown
    order = [shown.index(word) for word in ("announced", "lowered", "now<", "raised", "first price")]
    assert order == sorted(order)


@pytest.mark.parametrize("name", ["no-such-model", "deepseek", "a/b/c", "%00", "<script>"])
def test_a_model_that_does_not_exist_is_not_found(name: str) -> None:
    assert browser(None).get(f"/models/{name}/").status_code == 404


def test_a_model_with_an_odd_name_has_a_page() -> None:
    LanguageModel.objects.create(name='org/it\'s "odd" & new', context_length=1000, max_output=500)
    assert browser(None).get("/models/org/it's%20%22odd%22%20%26%20new/").status_code == 200


def test_members_see_what_they_pay_and_others_do_not() -> None:
    alice, charlie = house("Alice"), house("Charlie")
    for token_class in TokenClass:
        Price.objects.create(
            model=LanguageModel.objects.get(name="deepseek-chat"), token_class=token_class, unit_price=51_515,
            scope=PriceScope.ORGANIZATION, organization=alice.organization,
        )  # fmt: skip
    for path in ("/models/", "/models/deepseek-chat/"):
        mine = browser(alice.owner).get(path).content.decode()
        assert "0.051515" in mine and "agreed with your organization" in mine
        for other in (browser(None), browser(charlie.owner)):
            assert "0.051515" not in other.get(path).content.decode()
