"""The prices that held when something was used."""

from bisect import bisect_right
from datetime import datetime

from accounts.models import Organization
from billing import price_history, rating
from billing.ingestion.event import Rejected
from billing.models import Subscription
from billing.price_history import Buyer, KnownPrice
from catalog.models import LanguageModel
from foundation.money import NANO, UnitPrices
from usage.counts import TokenCounts

# What one event may cost, so that sums of thousands fit into their columns.
MOST = 100_000 * NANO
Priced = tuple[UnitPrices, str]


class Pricing:
    """An organization's prices at any moment, each looked up once. The plan is the one it has now."""

    def __init__(self, organization: Organization) -> None:
        plan_id = Subscription.objects.filter(organization=organization).values_list("plan_id", flat=True).first()
        self._buyer = Buyer(organization.pk, plan_id)
        self._rows: dict[str, tuple[list[KnownPrice], list[datetime]] | None] = {}
        self._known: dict[tuple[str, int], Priced | None] = {}

    def priced(self, model: str, at: datetime) -> Priced:
        """Prices and the ids of their rows as an event keeps them; raises Rejected."""
        if model not in self._rows:
            self._rows[model] = _of_model(model)
        found = self._rows[model]
        if found is None:
            raise Rejected("model_not_found", f"There is no model {model} in the catalog.", "data.model")
        rows, starts = found
        # Between two starts nothing changes.
        place = (model, bisect_right(starts, at))
        if place not in self._known:
            self._known[place] = _held(rows, self._buyer, at)
        priced = self._known[place]
        if priced is None:
            raise Rejected("no_price", f"The model {model} had no price at that time.", "data.model")
        return priced


def charge(counts: TokenCounts, prices: UnitPrices) -> int:
    """Nano-USD; raises Rejected for what no single request costs."""
    amount = rating.charge(counts, prices)
    if amount > MOST:
        raise Rejected("invalid_event", "So many tokens cost more than 100,000 USD: check the counts.", "data")
    return amount


def _held(rows: list[KnownPrice], buyer: Buyer, at: datetime) -> Priced | None:
    held = price_history.holding(rows, buyer, at)
    if held is None:
        return None
    return UnitPrices(*(row.unit_price for row in held)), ",".join(str(row.price_id) for row in held)


def _of_model(name: str) -> tuple[list[KnownPrice], list[datetime]] | None:
    """All prices of the model, and when they begin; None where the catalog does not have it."""
    rows = price_history.of_model(name)
    if not rows and not LanguageModel.objects.filter(name=name).exists():
        return None
    return rows, sorted({row.effective_from for row in rows})
