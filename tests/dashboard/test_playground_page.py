"""What the playground's page says before anything is sent."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from catalog import prices, providers
from catalog.models import LanguageModel, Price, PriceScope, TokenClass
from catalog.providers import Serves
from dashboard import playground_models
from tests.people import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    made = house("Alice")
    provider = providers.connect("demo", "http://127.0.0.1:9/v1", is_demo=True)
    for model in LanguageModel.objects.all():
        providers.serve(provider, Serves(model.name, model.name))
    return made


def page(alice: House, query: str = "") -> Any:
    client = Client()
    client.force_login(alice.owner)
    return client.get(f"/playground/{query}")


def test_it_names_who_pays(alice: House) -> None:
    text = page(alice).content.decode()
    assert "Runs real requests" in text
    assert f"<strong>{alice.project.name}</strong>" in text
    assert "<em>Playground</em>" in text


def test_it_says_that_content_is_not_stored(alice: House) -> None:
    text = page(alice).content.decode()
    assert "Not saved on the server" in text
    assert "Neither requests nor answers are stored." in text


def test_another_project_can_be_chosen(alice: House) -> None:
    other = alice.organization.projects.create(name="Storefront")
    assert "<strong>Storefront</strong>" in page(alice, f"?project={other.public_id}").content.decode()


def test_models_come_with_context_and_prices(alice: House) -> None:
    text = page(alice).content.decode()
    assert "deepseek-chat · 32K · $0.27 in, $1.10 out" in text
    assert "Reads 32,768 tokens, answers up to 8,192. $0.27 input, $0.07 cached, $1.10 output per 1M tokens." in text


def test_it_says_when_the_demo_provider_answers(alice: House) -> None:
    assert "built-in demo provider" in page(alice).content.decode()


def test_it_says_nothing_of_the_demo_when_a_real_provider_answers(alice: House) -> None:
    provider = providers.connect("real", "http://127.0.0.1:9/v1")
    for model in LanguageModel.objects.all():
        providers.serve(provider, Serves(model.name, model.name))
    assert "built-in demo provider" not in page(alice).content.decode()


def test_without_javascript_it_says_what_it_needs_and_how_to_go_on(alice: House) -> None:
    text = page(alice).content.decode()
    assert "The playground needs JavaScript." in text
    assert "curl http://testserver/v1/chat/completions" in text


def test_nothing_inline_and_no_lookup_of_names(alice: House) -> None:
    response = page(alice)
    assert response["X-DNS-Prefetch-Control"] == "off"
    assert "unsafe" not in response["Content-Security-Policy"]
    text = response.content.decode()
    assert " style=" not in text
    assert all("src=" in tag.split(">")[0] for tag in text.split("<script")[1:])


def test_it_shows_the_price_that_this_organization_pays(alice: House) -> None:
    model = LanguageModel.objects.get(name="deepseek-chat")
    Price.objects.create(
        model=model,
        token_class=TokenClass.OUTPUT,
        scope=PriceScope.ORGANIZATION,
        organization=alice.organization,
        unit_price=900_000,
        effective_from=timezone.now(),
    )
    prices.set_price(model, TokenClass.OUTPUT, 2_000_000)
    found = {choice.name: choice for choice in playground_models.choices(alice.organization)}
    assert found["deepseek-chat"].prices.output == 900_000
    other = {choice.name: choice for choice in playground_models.choices(house("Charlie").organization)}
    assert other["deepseek-chat"].prices.output == 2_000_000


def test_a_model_without_a_provider_cannot_be_chosen(alice: House) -> None:
    LanguageModel.objects.get(name="deepseek-math").routes.update(enabled=False)
    found = {choice.name: choice for choice in playground_models.choices(alice.organization)}
    assert not found["deepseek-math"].has_provider
    assert found["deepseek-math"].label == "deepseek-math · no provider"


def test_a_retired_model_is_not_offered(alice: House) -> None:
    LanguageModel.objects.filter(name="deepseek-math").update(retired_at=timezone.now())
    assert "deepseek-math" not in {choice.name for choice in playground_models.choices(alice.organization)}


def test_without_a_model_on_sale_it_says_so(alice: House) -> None:
    LanguageModel.objects.update(retired_at=timezone.now())
    text = page(alice).content.decode()
    assert "No model is on sale yet." in text
    assert "pg-composer" not in text


def test_without_a_project_it_says_so(alice: House) -> None:
    alice.organization.projects.update(archived_at=timezone.now())
    assert "You have no project to charge." in page(alice).content.decode()


def test_a_model_says_what_it_ignores_and_whether_it_takes_an_effort(alice: House) -> None:
    model = LanguageModel.objects.get(name="deepseek-math")
    model.ignored_parameters, model.takes_reasoning_effort = ["temperature", "top_p"], True
    model.full_clean()
    model.save()
    text = page(alice).content.decode()
    assert 'data-ignores="temperature top_p"' in text
    assert 'data-effort="yes"' in text
    model.ignored_parameters = ["model"]
    with pytest.raises(ValidationError):
        model.full_clean()


def test_the_scripts_words_come_in_the_readers_language(alice: House) -> None:
    # English is in the source.
    assert 'src="/playground/words.js"' not in page(alice).content.decode()
    alice.owner.language = "zh-hans"
    alice.owner.save()
    text = page(alice).content.decode()
    assert text.index('src="/playground/words.js"') < text.index('<script type="module"')
    answer = Client().get("/playground/words.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "gettext" in answer.content.decode()
