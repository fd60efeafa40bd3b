"""Which price holds for whom at a moment, also at one that is past: as the catalog says today, or as it said then."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from billing.offers import PriceRow, precedence
from catalog.models import Price, PriceScope
from foundation.money import UnitPrices

CLASSES = ("input", "cached_input", "output")


@dataclass(frozen=True, slots=True)
class KnownPrice(PriceRow):
    """A price with the instant since which the catalog has it; `subject` is whom its scope names."""

    created_at: datetime
    subject: str = ""

    @property
    def scope_name(self) -> str:
        """Such as `for everybody` or `for the plan Pro`."""
        if self.scope == "everybody":
            return "for everybody"
        return f"for the plan {self.subject}" if self.scope == "plan" else f"for {self.subject}"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whom a price must speak to."""

    organization_id: int
    plan_id: int | None


def of_model(name: str) -> list[KnownPrice]:
    """Every price that the model ever had or will have."""
    prices = Price.objects.select_related("plan", "organization").filter(model__name=name)
    return [_known(price) for price in prices]


def of_every_model(buyer: Buyer) -> dict[str, list[KnownPrice]]:
    """By model name the prices that speak to the buyer, whatever the moment."""
    speaks = Q(scope=PriceScope.EVERYBODY) | Q(organization_id=buyer.organization_id)
    if buyer.plan_id is not None:
        speaks |= Q(plan_id=buyer.plan_id)
    found: dict[str, list[KnownPrice]] = {}
    for price in Price.objects.select_related("model", "plan", "organization").filter(speaks):
        found.setdefault(price.model.name, []).append(_known(price))
    return found


def applying(
    rows: Iterable[KnownPrice], token_class: str, buyer: Buyer, at: datetime, known_at: datetime | None = None
) -> list[KnownPrice]:
    """Prices of the class that spoke to the buyer at the moment, the one that held first.

    With `known_at` only those that the catalog had by then.
    """
    found = [
        row
        for row in rows
        if row.token_class == token_class
        and row.effective_from <= at
        and row.applies(buyer.organization_id, buyer.plan_id)
        and (known_at is None or row.created_at <= known_at)
    ]
    return sorted(found, key=precedence, reverse=True)


def prices_at(rows: Iterable[KnownPrice], buyer: Buyer, at: datetime) -> UnitPrices | None:
    """What the catalog says today for that moment; None where a class has no price."""
    held = holding(rows, buyer, at)
    return None if held is None else UnitPrices(held[0].unit_price, held[1].unit_price, held[2].unit_price)


def holding(rows: Iterable[KnownPrice], buyer: Buyer, at: datetime) -> tuple[KnownPrice, KnownPrice, KnownPrice] | None:
    """The prices of input, cached input and output that held at the moment; None where a class has none."""
    rows = list(rows)
    found = [applying(rows, token_class, buyer, at)[:1] for token_class in CLASSES]
    if not all(found):
        return None
    [input_price], [cached_input_price], [output_price] = found
    return input_price, cached_input_price, output_price


def _known(price: Price) -> KnownPrice:
    return KnownPrice(
        token_class=price.token_class,
        scope=price.scope,
        plan_id=price.plan_id,
        organization_id=price.organization_id,
        unit_price=price.unit_price,
        effective_from=price.effective_from,
        price_id=price.pk,
        created_at=price.created_at,
        subject=str(price.plan or price.organization or ""),
    )
