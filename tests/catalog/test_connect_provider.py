from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing import opening
from catalog import prices, providers
from catalog.models import LanguageModel, Provider, Route, TokenClass

pytestmark = pytest.mark.django_db
URL = "https://models.example/v1"
PRICES = ("--input-price=0.50", "--cached-input-price=0.05", "--output-price=1.5")


@pytest.fixture(autouse=True)
def _catalog():
    opening.seed_if_empty()


def connect(*arguments, name="acme", url=URL):
    said = StringIO()
    call_command("connect_provider", name, f"--base-url={url}", *arguments, stdout=said)
    return said.getvalue()


def price(model, token_class):
    return prices.current(LanguageModel.objects.get(name=model), token_class).unit_price


def test_it_connects_a_provider_for_models_on_sale(monkeypatch):
    monkeypatch.setenv("ACME_KEY", " acme-secret\n")
    said = connect("--api-key-env=ACME_KEY", "--model=deepseek-chat", "--model=deepseek-coder=coder-v2", url=URL + "/")
    provider = Provider.objects.get(name="acme")
    assert provider.base_url == URL
    assert "acme-secret" not in provider.sealed_secret and "acme-secret" not in said
    assert providers.open_secret(provider.sealed_secret, "acme") == "acme-secret"
    assert set(provider.routes.values_list("model__name", "upstream_model")) == {
        ("deepseek-chat", "deepseek-chat"),
        ("deepseek-coder", "coder-v2"),
    }
    assert "deepseek-coder is served as coder-v2" in said


def test_it_takes_a_new_model_with_prices_and_context():
    assert "llama (new)" in connect("--model=llama=meta/llama-3", "--context=8000", *PRICES)
    model = LanguageModel.objects.get(name="llama")
    assert (model.context_length, model.max_output) == (8000, 8000)
    assert [price("llama", token_class) for token_class in TokenClass] == [500_000, 50_000, 1_500_000]


def test_a_real_provider_takes_over_from_the_demo():
    opening.route_demo("http://127.0.0.1:9/v1")
    connect("--model=deepseek-chat")
    routes = Route.objects.filter(model__name="deepseek-chat", enabled=True)
    assert [route.provider.name for route in routes] == ["acme"]
    assert Route.objects.get(model__name="deepseek-math").provider.is_demo


def test_connecting_again_keeps_the_key_and_adds_no_price(monkeypatch):
    monkeypatch.setenv("ACME_KEY", "acme-secret")
    arguments = ("--model=llama", "--context=8000", *PRICES)
    connect("--api-key-env=ACME_KEY", *arguments)
    connect(*arguments, url="http://ollama:11434/v1")
    provider = Provider.objects.get(name="acme")
    assert provider.base_url == "http://ollama:11434/v1"
    assert providers.open_secret(provider.sealed_secret, "acme") == "acme-secret"
    assert LanguageModel.objects.get(name="llama").prices.count() == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model=llama",), "llama is a new model"),
        (("--model=llama", "--context=8000", "--input-price=1"), "llama is a new model"),
        (("--model=deepseek-chat", "--input-price=1e-9"), "--input-price: A price has at most six"),
        (("--model=deepseek-chat", "--output-price=-1"), "--output-price: A price cannot be negative"),
        (("--model=deepseek-chat", "--output-price=NaN"), "--output-price: An amount must be a finite"),
        (("--model=deepseek-chat", "--context=0"), "--context"),
        (("--model==x",), "write PUBLIC or PUBLIC=UPSTREAM"),
        (("--model=deepseek-chat=",), "write PUBLIC or PUBLIC=UPSTREAM"),
        (("--model=deepseek-chat", "--model=deepseek-chat=x"), "given twice"),
        (("--model=deepseek-chat", "--api-key-env=NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE is not set"),
        (("--model=" + "m" * 101, "--context=1", *PRICES), "at most 100 characters"),
    ],
)
def test_it_says_what_is_wrong_and_changes_nothing(arguments, said):
    with pytest.raises(CommandError, match=said):
        connect("--model=deepseek-math", *arguments)
    assert not Provider.objects.filter(name="acme").exists()
    assert not Route.objects.filter(provider__is_demo=False).exists()


@pytest.mark.parametrize(
    "url", ["models.example/v1", "ftp://host/v1", "https://user:pw@host/v1", "https://host/v1?a=b"]
)
def test_it_refuses_a_base_url_that_is_none(url):
    with pytest.raises(CommandError, match="base URL"):
        connect("--model=deepseek-chat", url=url)


@pytest.mark.parametrize("name", ["", " ", "demo", "n" * 65])
def test_it_refuses_a_name_that_is_none(name):
    with pytest.raises(CommandError):
        connect("--model=deepseek-chat", name=name)
