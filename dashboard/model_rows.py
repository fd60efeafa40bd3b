"""What the pages of models say: who can use one and until when, what it costs here, and what it cost before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Organization
from billing import price_history
from billing.models import Subscription
from billing.price_history import Buyer, KnownPrice
from catalog.models import LanguageModel, PriceScope, Route
from catalog.models.language_model import FEATURES
from dashboard.model_estimate import Estimate, Workload
from foundation import shown_dates
from foundation.money import UnitPrices

# Somebody who is not logged in: only the prices for everybody speak to them.
_ANYBODY = Buyer(organization_id=0, plan_id=None)
_ENDING, _ENDED, _UNPRICED, _UNSERVED, _SOLD = "ending", "ended", "unpriced", "unserved", "sold"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model for one reader; prices are pico-USD per token, None where one is missing."""

    model: LanguageModel
    prices: UnitPrices | None
    # Whose prices these are: empty for the list's.
    why: str
    state: str
    estimate: Estimate | None = None

    @property
    def features(self) -> list[str]:
        return [str(FEATURES[name]) for name in self.model.shown_features]

    @property
    def label(self) -> str:
        """The state in a word or two."""
        words = {
            _SOLD: _("Available"),
            _ENDING: _("Retiring"),
            _ENDED: _("Retired"),
            _UNPRICED: _("Not on sale yet"),
            _UNSERVED: _("No provider"),
        }
        return words[self.state]

    @property
    def tone(self) -> str:
        return {_SOLD: "ok", _ENDING: "warn", _ENDED: "danger", _UNSERVED: "danger"}.get(self.state, "")

    @property
    def words(self) -> str:
        """What the state means for whoever uses the model; empty where there is nothing to say."""
        if self.state == _UNPRICED:
            return _("A price is missing: requests are refused.")
        if self.state == _UNSERVED:
            return _("Requests fail with 503 until an operator connects one.")
        if self.model.retired_at is None:
            return ""
        said = _("Stopped %(day)s.") if self.state == _ENDED else _("Stops %(day)s.")
        said = said % {"day": shown_dates.day_text(self.model.retired_at)}
        if self.model.successor is None:
            return said
        instead = _("Use %(model)s.") % {"model": self.model.successor.name}
        return f"{said} {instead}"

    @property
    def can_be_tried(self) -> bool:
        return self.state in (_SOLD, _ENDING)


@dataclass(frozen=True, slots=True)
class PriceStep:
    """The prices from one instant to the next step."""

    since: datetime
    prices: UnitPrices
    why: str
    state: str
    is_up: bool | None


def buyer_of(organization: Organization | None) -> Buyer:
    """Whom a price must speak to; nobody is logged in without an organization."""
    if organization is None:
        return _ANYBODY
    plans = Subscription.objects.filter(organization=organization).values_list("plan_id", flat=True)
    return Buyer(organization.pk, plans.first())


def rows(buyer: Buyer, now: datetime, work: Workload | None = None) -> list[ModelRow]:
    """Every model on sale, in catalog order."""
    known = price_history.of_every_model(buyer)
    served = _served()
    found = LanguageModel.objects.on_sale(now).select_related("successor")
    return [row(model, known.get(model.name, []), buyer, now, served=model.pk in served, work=work) for model in found]


def one(name: str, buyer: Buyer, now: datetime, work: Workload | None = None) -> ModelRow | None:
    """A model by its name, on sale or retired."""
    model = LanguageModel.objects.filter(name=name).select_related("successor").first()
    if model is None:
        return None
    known = price_history.of_model(name)
    return row(model, known, buyer, now, served=model.pk in _served(), work=work)


def row(
    model: LanguageModel, known: Iterable[KnownPrice], buyer: Buyer, now: datetime, *, served: bool,
    work: Workload | None = None,
) -> ModelRow:  # fmt: skip
    """What this buyer is told of a model whose prices are known."""
    held = price_history.holding(known, buyer, now)
    prices = _unit(held) if held else None
    return ModelRow(
        model=model,
        prices=prices,
        why=_why(held) if held else "",
        state=_state(model, now, is_priced=prices is not None, is_served=served),
        estimate=work.cost(prices) if work and prices else None,
    )


def matching(found: Iterable[ModelRow], wanted: str, features: Iterable[str]) -> list[ModelRow]:
    """Of these the ones whose name or description has the text, and that have every feature."""
    text, needed = wanted.casefold(), set(features)
    return [
        one
        for one in found
        if (text in one.model.name.casefold() or text in one.model.description.casefold())
        and needed <= set(one.model.shown_features)
    ]


def history(name: str, buyer: Buyer, now: datetime) -> list[PriceStep]:
    """Every change of what this buyer pays, announced ones included, newest first."""
    known = [one for one in price_history.of_model(name) if one.applies(buyer.organization_id, buyer.plan_id)]
    steps: list[PriceStep] = []
    for since in sorted({one.effective_from for one in known}):
        held = price_history.holding(known, buyer, since)
        if held is None or (steps and steps[-1].prices == _unit(held) and steps[-1].why == _why(held)):
            continue
        steps.append(PriceStep(since, _unit(held), _why(held), "later" if since > now else "past", _is_up(steps, held)))
    current = max((place for place, step in enumerate(steps) if step.state == "past"), default=None)
    if current is not None:
        now_held = steps[current]
        steps[current] = PriceStep(now_held.since, now_held.prices, now_held.why, "now", now_held.is_up)
    return steps[::-1]


def _is_up(steps: list[PriceStep], held: Any) -> bool | None:
    """Whether every price rose or stayed (True), fell or stayed (False), or it is the first or mixed (None)."""
    if not steps:
        return None
    before, after = steps[-1].prices, _unit(held)
    moves = [
        after.input - before.input, after.cached_input - before.cached_input, after.output - before.output,
    ]  # fmt: skip
    if all(move >= 0 for move in moves):
        return True
    return False if all(move <= 0 for move in moves) else None


def _served() -> set[int]:
    return set(Route.objects.filter(enabled=True, provider__enabled=True).values_list("model_id", flat=True))


def _state(model: LanguageModel, now: datetime, *, is_priced: bool, is_served: bool) -> str:
    if model.retired_at is not None and model.retired_at <= now:
        return _ENDED
    if not is_priced:
        return _UNPRICED
    if not is_served:
        return _UNSERVED
    return _ENDING if model.retired_at is not None else _SOLD


def _unit(held: tuple[KnownPrice, KnownPrice, KnownPrice]) -> UnitPrices:
    return UnitPrices(*(one.unit_price for one in held))


def _why(held: tuple[KnownPrice, KnownPrice, KnownPrice]) -> str:
    """The narrowest scope among the three."""
    scopes = {one.scope: one.subject for one in held}
    if PriceScope.ORGANIZATION in scopes:
        return _("agreed with your organization")
    if PriceScope.PLAN in scopes:
        return _("price of the %(plan)s plan") % {"plan": scopes[PriceScope.PLAN]}
    return ""
