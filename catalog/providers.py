"""What one does with providers: connect an OpenAI-compatible upstream and route public models to it."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from catalog import prices
from catalog.models import LanguageModel, Provider, Route, TokenClass
from foundation import sealing

DEMO_NAME = "demo"


@dataclass(frozen=True, slots=True)
class Serves:
    """One model that a provider serves, and what it is called there."""

    public: str
    upstream: str


def seal_secret(secret: str, provider_name: str) -> str:
    """The provider's key, encrypted for storage; empty stays empty."""
    return sealing.seal(secret, settings.ENCRYPTION_KEY, f"provider:{provider_name}") if secret else ""


@lru_cache(maxsize=256)
def open_secret(sealed: str, provider_name: str) -> str:
    """The provider's key in the clear; raises SealBroken when ENCRYPTION_KEY is another one."""
    return sealing.unseal(sealed, settings.ENCRYPTION_KEY, f"provider:{provider_name}") if sealed else ""


def normal_base_url(base_url: str) -> str:
    """The base URL with a scheme, a host and no trailing slash; raises ValidationError."""
    parts = urlsplit(base_url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError({"base_url": "The base URL is http:// or https:// with a host, such as https://host/v1."})
    if parts.query or parts.fragment or parts.username:
        raise ValidationError({"base_url": "The base URL has no query, fragment or log-in; the key is set apart."})
    return base_url.strip().rstrip("/")


def connect(name: str, base_url: str, secret: str = "", *, is_demo: bool = False) -> Provider:
    """Make or update a provider by its name. An empty `secret` keeps the one that is stored."""
    base_url = normal_base_url(base_url)
    with transaction.atomic():
        provider, _ = Provider.objects.get_or_create(name=name, defaults={"base_url": base_url, "is_demo": is_demo})
        provider.base_url = base_url
        provider.enabled = True
        if secret:
            provider.sealed_secret = seal_secret(secret, name)
        provider.save()
        return provider


def serve(
    provider: Provider,
    serves: Serves,
    *,
    context_length: int | None = None,
    unit_prices: dict[TokenClass, int] | None = None,
    replaces_demo: bool = True,
) -> Route:
    """Route a public model to the provider, making the model when it is new; prices in pico-USD per token.

    A new model needs a context length and prices. The demo provider's route to the model is switched off, because a
    customer must never get an echo from a model that a real provider serves.
    """
    with transaction.atomic():
        model = LanguageModel.objects.filter(name=serves.public).first()
        if model is None:
            if context_length is None or not unit_prices or set(unit_prices) != set(TokenClass):
                raise ValidationError(
                    f"{serves.public} is a new model: give --context and --input-price, --cached-input-price and "
                    "--output-price (USD per 1M tokens; 0 means free)."
                )
            model = LanguageModel(name=serves.public, context_length=context_length, max_output=context_length)
        elif context_length is not None:
            model.context_length = context_length
            model.max_output = min(model.max_output, context_length)
        model.full_clean()
        model.save()
        for token_class, unit_price in (unit_prices or {}).items():
            prices.set_price(model, token_class, unit_price)
        route, _ = Route.objects.update_or_create(
            model=model, provider=provider, defaults={"upstream_model": serves.upstream, "enabled": True}
        )
        if replaces_demo:
            replace_demo(route)
        return route


def replace_demo(route: Route) -> None:
    """Switch off the demo provider's route to the model that this route leads to a real provider."""
    if not route.provider.is_demo:
        Route.objects.filter(model=route.model, provider__is_demo=True).update(enabled=False)


def demo_in_use() -> bool:
    """Whether some model on sale is answered by the built-in demo provider."""
    return Route.objects.filter(
        enabled=True, provider__enabled=True, provider__is_demo=True, model__in=LanguageModel.objects.on_sale()
    ).exists()
