"""Connect an OpenAI-compatible provider and route models to it, all or nothing."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from catalog import providers
from catalog.models import LanguageModel, Provider, TokenClass
from catalog.providers import Serves
from foundation.money import InvalidAmount, price_from_usd_per_million

_PRICES = {
    "input_price": TokenClass.INPUT,
    "cached_input_price": TokenClass.CACHED_INPUT,
    "output_price": TokenClass.OUTPUT,
}


class Command(BaseCommand):
    help = "Connect an OpenAI-compatible provider (or change one) and route public models to it."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the provider's name here; a known name is updated")
        parser.add_argument("--base-url", required=True, help="such as https://host/v1")
        parser.add_argument(
            "--api-key-env",
            metavar="VAR",
            help="the environment variable that holds the provider's key; without it a stored key is kept",
        )
        parser.add_argument(
            "--model",
            action="append",
            required=True,
            metavar="PUBLIC[=UPSTREAM]",
            help="a model to route to the provider, and its name there if it differs; repeat for several",
        )
        for option in _PRICES:
            parser.add_argument(
                f"--{option.replace('_', '-')}", metavar="USD", help="USD per 1M tokens of each --model; 0 is free"
            )
        parser.add_argument("--context", type=int, metavar="TOKENS", help="context length of each --model")

    def handle(self, *args: Any, **options: Any) -> None:
        name = _name(options["name"])
        secret = _secret(options["api_key_env"])
        serves = _serves(options["model"])
        unit_prices = _unit_prices(options)
        context = options["context"]
        if context is not None and context < 1:
            raise CommandError("--context is a number of tokens, at least 1.")
        known = set(LanguageModel.objects.values_list("name", flat=True))
        try:
            with transaction.atomic():
                provider = providers.connect(name, options["base_url"], secret)
                for one in serves:
                    providers.serve(provider, one, context_length=context, unit_prices=unit_prices)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self._tell(provider, serves, known)

    def _tell(self, provider: Provider, serves: list[Serves], known: set[str]) -> None:
        key = "with its key" if provider.sealed_secret else "without a key"
        self.stdout.write(f"{provider.name} is connected at {provider.base_url}, {key}.")
        for one in serves:
            new = "" if one.public in known else " (new)"
            self.stdout.write(f"  {one.public}{new} is served as {one.upstream}")


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 64:
        raise CommandError("The provider's name has 1 to 64 characters.")
    if name == providers.DEMO_NAME:
        raise CommandError(f"“{name}” is the built-in provider; choose another name.")
    return name


def _secret(variable: str | None) -> str:
    """The provider's key; it is never an argument, because arguments are seen in process lists and histories."""
    if variable is None:
        return ""
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise CommandError(f"The environment variable {variable} is not set or empty.")
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise CommandError(f"The value of {variable} cannot be sent as a header: it has spaces or special characters.")
    return secret


def _serves(texts: list[str]) -> list[Serves]:
    found: dict[str, Serves] = {}
    for text in texts:
        public, separator, upstream = (part.strip() for part in text.partition("="))
        if not public or (separator and not upstream):
            raise CommandError(f"--model {text!r}: write PUBLIC or PUBLIC=UPSTREAM.")
        if len(upstream) > 200:
            raise CommandError(f"--model {public}: the provider's name of it has at most 200 characters.")
        if public in found:
            raise CommandError(f"--model {public} was given twice.")
        found[public] = Serves(public, upstream or public)
    return list(found.values())


def _unit_prices(options: dict[str, Any]) -> dict[TokenClass, int]:
    """Pico-USD per token of the classes that were given."""
    found = {}
    for option, token_class in _PRICES.items():
        if options[option] is not None:
            try:
                found[token_class] = price_from_usd_per_million(options[option])
            except InvalidAmount as error:
                raise CommandError(f"--{option.replace('_', '-')}: {error}") from error
    return found
