"""The models that the playground offers, with the prices that this organization pays."""

from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization
from billing.models import Subscription
from billing.offers import Offer, PriceRow
from catalog.models import LanguageModel, Price, Route
from dashboard.templatetags.console import count
from foundation.money import UnitPrices, usd_per_million_string
from foundation.shown_numbers import written


@dataclass(frozen=True, slots=True)
class Choice:
    """A model on sale; prices in pico-USD per token. Without a provider it is shown and cannot be chosen."""

    name: str
    description: str
    context_length: int
    max_output: int
    prices: UnitPrices
    has_vocabulary: bool
    has_provider: bool
    is_demo: bool
    ignored: str
    takes_effort: bool

    @property
    def context(self) -> str:
        """How much it reads, in thousands of tokens."""
        return f"{self.context_length // 1024}K"

    @property
    def input_price(self) -> str:
        """USD per 1M tokens."""
        return written(f"${usd_per_million_string(self.prices.input)}")

    @property
    def output_price(self) -> str:
        """USD per 1M tokens."""
        return written(f"${usd_per_million_string(self.prices.output)}")

    @property
    def label(self) -> str:
        """One line for the list: name, context, input and output price."""
        if not self.has_provider:
            return _("%(name)s · no provider") % {"name": self.name}
        return _("%(name)s · %(context)s · %(input)s in, %(output)s out") % {
            "name": self.name,
            "context": self.context,
            "input": self.input_price,
            "output": self.output_price,
        }

    @property
    def words(self) -> str:
        """What stands under the list."""
        return _(
            "Reads %(context)s tokens, answers up to %(most)s. "
            "%(input)s input, %(cached)s cached, %(output)s output per 1M tokens."
        ) % {
            "context": count(self.context_length),
            "most": count(self.max_output),
            "input": self.input_price,
            "cached": written(f"${usd_per_million_string(self.prices.cached_input)}"),
            "output": self.output_price,
        }


def choices(organization: Organization, name: str = "") -> list[Choice]:
    """Models that have a price for this organization, in the order of the price list; with a name that one alone."""
    now = timezone.now()
    plan_id = Subscription.objects.filter(organization=organization).values_list("plan_id", flat=True).first()
    routes_now = Route.objects.filter(enabled=True, provider__enabled=True).select_related("provider")
    offered = LanguageModel.objects.on_sale(now).filter(**({"name": name} if name else {}))
    models = offered.prefetch_related(
        Prefetch("prices", Price.objects.filter(effective_from__lte=now)), Prefetch("routes", routes_now)
    )
    found = []
    for model in models:
        prices = _prices(model, organization.pk, plan_id)
        if prices is None:
            continue
        routes = list(model.routes.all())
        found.append(
            Choice(
                name=model.name,
                description=model.description,
                context_length=model.context_length,
                max_output=model.max_output,
                prices=prices,
                has_vocabulary=bool(model.vocabulary),
                has_provider=bool(routes),
                is_demo=bool(routes) and routes[0].provider.is_demo,
                ignored=" ".join(model.ignored_parameters),
                takes_effort=model.takes_reasoning_effort,
            )
        )
    return found


def _prices(model: LanguageModel, organization_id: int, plan_id: int | None) -> UnitPrices | None:
    """As admission will pin them."""
    rows = tuple(
        PriceRow(
            row.token_class, row.scope, row.plan_id, row.organization_id, row.unit_price, row.effective_from, row.pk
        )
        for row in model.prices.all()
    )
    offer = Offer(model.name, model.context_length, model.max_output, bool(model.vocabulary), rows, ())
    priced = offer.prices(organization_id, plan_id)
    return priced[0] if priced else None
