"""What one does with prices: a change is a new row; a past charge never alters."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.models import LanguageModel, Price, PriceScope, TokenClass
from foundation.money import UnitPrices


def current(model: LanguageModel, token_class: TokenClass, at: datetime | None = None) -> Price | None:
    """The price for everybody that holds at the instant."""
    return (
        Price.objects.filter(
            model=model,
            token_class=token_class,
            scope=PriceScope.EVERYBODY,
            effective_from__lte=at or timezone.now(),
        )
        .order_by("-effective_from", "-id")
        .first()
    )


def set_price(
    model: LanguageModel, token_class: TokenClass, unit_price: int, effective_from: datetime | None = None
) -> Price:
    """The price for everybody from now (or later) on, pico-USD per token; the same price again adds no row."""
    since = effective_from or timezone.now()
    known = current(model, token_class, since)
    if known and known.unit_price == unit_price:
        return known
    try:
        with transaction.atomic():
            return Price.objects.create(
                model=model, token_class=token_class, unit_price=unit_price, effective_from=since
            )
    except IntegrityError as error:
        raise ValidationError("There is already a price from that very moment on; choose another.") from error


@dataclass(frozen=True, slots=True)
class Listed:
    """A model on the price list: prices for everybody in pico-USD per token, None where there is none yet."""

    model: LanguageModel
    prices: UnitPrices | None


def price_list(at: datetime | None = None) -> list[Listed]:
    """Every model on sale with its prices for everybody, in catalog order."""
    at = at or timezone.now()
    latest: dict[tuple[int, str], int] = {}
    rows = Price.objects.filter(scope=PriceScope.EVERYBODY, effective_from__lte=at).order_by("effective_from", "id")
    for model_id, token_class, unit_price in rows.values_list("model_id", "token_class", "unit_price"):
        latest[model_id, token_class] = unit_price
    listed = []
    for model in LanguageModel.objects.on_sale(at):
        found = [latest.get((model.pk, name)) for name in TokenClass.values]
        by_class = dict(zip(TokenClass.values, found, strict=True))
        complete = None not in found
        listed.append(
            Listed(
                model,
                UnitPrices(by_class["input"] or 0, by_class["cached_input"] or 0, by_class["output"] or 0)
                if complete
                else None,
            )
        )
    return listed
