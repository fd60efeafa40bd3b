"""/api/v1/models and /prices: what is sold, at which price for this organization; the rows that bill."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organization
from accounts.roles import Scope
from api.door import Door
from api.faults import not_found
from api.instant import Instant, instant
from api.schema import ERRORS
from api.strict import Strict
from billing import price_history
from billing.models import Subscription
from billing.price_history import CLASSES, Buyer, KnownPrice
from catalog.models import LanguageModel, PriceScope, TokenClass
from catalog.models.language_model import FEATURES, PARAMETERS, LanguageModels
from foundation.money import CURRENCY, usd_per_million_string

_EVERY_KEY = (Scope.MANAGEMENT, Scope.USAGE)


class ModelPricesOut(serializers.Serializer):
    """USD per million tokens."""

    input = serializers.CharField()
    cached_input = serializers.CharField()
    output = serializers.CharField()


class ModelOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField(help_text="Its name in requests, matched exactly.")
    description = serializers.CharField()
    owned_by = serializers.CharField()
    context_length = serializers.IntegerField(help_text="Tokens of input and output together.")
    max_output = serializers.IntegerField(help_text="Tokens.")
    features = serializers.ListField(
        child=serializers.ChoiceField(sorted(FEATURES)), help_text="What its operator says that it can do beyond text."
    )
    ignored_parameters = serializers.ListField(
        child=serializers.ChoiceField(PARAMETERS), help_text="Parameters of requests that it does not heed."
    )
    retired_at = Instant(allow_null=True, help_text="From then on it is refused; null: no end is announced.")
    successor = serializers.CharField(allow_null=True, help_text="Name of the model to use instead.")
    currency = serializers.CharField()
    usd_per_million_tokens = ModelPricesOut(
        allow_null=True, help_text="What this organization pays now; null: it has no price yet and cannot be used."
    )
    created_at = Instant()


class ModelListOut(serializers.Serializer):
    object = serializers.CharField()
    data = ModelOut(many=True)  # type: ignore[assignment]


class PriceOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    model = serializers.CharField()
    token_class = serializers.ChoiceField(TokenClass.choices)
    applies_to = serializers.ChoiceField(PriceScope.choices, help_text="The narrowest that holds is charged.")
    usd_per_million_tokens = serializers.CharField()
    currency = serializers.CharField()
    effective_from = Instant()
    in_force = serializers.BooleanField(help_text="Whether it is what this organization is charged now.")


class PriceListOut(serializers.Serializer):
    object = serializers.CharField()
    data = PriceOut(many=True)  # type: ignore[assignment]


class PriceQuery(Strict):
    model = serializers.CharField(max_length=100, help_text="Name of a model, on sale or retired.")


def buyer_of(organization: Organization) -> Buyer:
    """Whom a price must speak to."""
    plans = Subscription.objects.filter(organization=organization).values_list("plan_id", flat=True)
    return Buyer(organization.pk, plans.first())


class Models(Door):
    key_scopes = _EVERY_KEY

    @extend_schema(operation_id="models_list", responses={200: ModelListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Every model on sale: what it can do, when it ends, and the prices that this organization is charged."""
        buyer, now = buyer_of(self.caller.organization), timezone.now()
        rows = price_history.of_every_model(buyer)
        data = [_model(one, rows.get(one.name, []), buyer, now) for one in _on_sale()]
        return Response({"object": "list", "data": data})


class Model(Door):
    key_scopes = _EVERY_KEY

    @extend_schema(operation_id="models_get", responses={200: ModelOut, **ERRORS})
    def get(self, request: Request, name: str) -> Response:
        """One model on sale."""
        # PostgreSQL does not even look for a NUL.
        found = None if "\0" in name else _on_sale().filter(name=name).first()
        if found is None:
            raise not_found("model")
        buyer = buyer_of(self.caller.organization)
        return Response(_model(found, price_history.of_model(name), buyer, timezone.now()))


class Prices(Door):
    key_scopes = _EVERY_KEY

    @extend_schema(operation_id="prices_list", parameters=[PriceQuery], responses={200: PriceListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Every price of a model that was, is or will be this organization's, newest first."""
        query = PriceQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        name = query.validated_data["model"]
        if not LanguageModel.objects.filter(name=name).exists():
            raise not_found("model", "model")
        buyer, now = buyer_of(self.caller.organization), timezone.now()
        rows = price_history.of_model(name)
        held = {row.price_id for one in CLASSES for row in price_history.applying(rows, one, buyer, now)[:1]}
        ours = [row for row in rows if row.applies(buyer.organization_id, buyer.plan_id)]
        ours.sort(key=lambda row: (row.effective_from, row.price_id), reverse=True)
        return Response({"object": "list", "data": [_price(name, row, row.price_id in held) for row in ours]})


def _on_sale() -> LanguageModels:
    return LanguageModel.objects.on_sale().select_related("successor")


def _model(model: LanguageModel, rows: list[KnownPrice], buyer: Buyer, now: datetime) -> dict[str, Any]:
    prices = price_history.prices_at(rows, buyer, now)
    return {
        "object": "model",
        "id": model.name,
        "description": model.description,
        "owned_by": model.owned_by,
        "context_length": model.context_length,
        "max_output": model.max_output,
        "features": model.shown_features,
        "ignored_parameters": model.ignored_parameters,
        "retired_at": instant(model.retired_at) if model.retired_at else None,
        "successor": model.successor.name if model.successor else None,
        "currency": CURRENCY,
        "usd_per_million_tokens": None
        if prices is None
        else {name: usd_per_million_string(getattr(prices, name)) for name in CLASSES},
        "created_at": instant(model.created_at),
    }


def _price(model: str, row: KnownPrice, in_force: bool) -> dict[str, Any]:
    return {
        "object": "price",
        "id": f"price_{row.price_id}",
        "model": model,
        "token_class": row.token_class,
        "applies_to": row.scope,
        "usd_per_million_tokens": usd_per_million_string(row.unit_price),
        "currency": CURRENCY,
        "effective_from": instant(row.effective_from),
        "in_force": in_force,
    }
