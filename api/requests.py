"""/api/v1/requests: requests one by one, with their timing and the arithmetic of their price."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission, Scope
from api import numbered, usage_query
from api.door import Door
from api.envelopes import ListOut
from api.faults import not_found
from api.instant import Instant, instant
from api.reaching import reach_of
from api.schema import ERRORS
from api.usage_query import FilterQuery
from billing import price_explanation
from billing.price_explanation import Explanation, Line
from billing.price_history import KnownPrice
from foundation.money import CURRENCY, pico_usd_string, usd_per_million_string, usd_string
from usage import request_list
from usage.models import UsageEvent
from usage.reports import day_edges

ENDINGS = (
    "stop", "length", "tool_calls", "content_filter", "client_closed", "upstream_error", "interrupted", "recovered",
)  # fmt: skip
STATUSES = ("2xx", "4xx", "5xx")
_PREFIX = "evt"


class RequestQuery(FilterQuery):
    ended = serializers.ChoiceField(ENDINGS, required=False, help_text="How the answer ended.")
    status = serializers.ChoiceField(STATUSES, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20, help_text="Entries a page.")
    cursor = serializers.CharField(max_length=40, required=False, help_text="`next_cursor` of the page before.")


class TimingOut(serializers.Serializer):
    first_token_ms = serializers.IntegerField(allow_null=True, help_text="Until the first token, milliseconds.")
    total_ms = serializers.IntegerField(
        allow_null=True, help_text="Until the last token, milliseconds; null where a report did not say."
    )
    output_tokens_per_second = serializers.CharField(
        allow_null=True, help_text="While the answer came, as a decimal text."
    )


class RequestOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField(help_text="The answer's `x-request-id`.")
    at = Instant(help_text="When it was admitted.")
    model = serializers.CharField()
    project_id = serializers.CharField()
    key_id = serializers.CharField()
    status = serializers.IntegerField()
    ended = serializers.CharField(help_text="How the answer ended, such as `stop`.")
    error_code = serializers.CharField(allow_null=True)
    stream = serializers.BooleanField()
    input_tokens = serializers.IntegerField(help_text="All input, cached or not.")
    cached_input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField(
        allow_null=True, help_text="The part of the output that was reasoning; null where the provider does not tell."
    )
    tokens_from = serializers.CharField(
        help_text="`upstream`: the provider's figures; `counted` and `partial`: ours; else reported from elsewhere."
    )
    timing = TimingOut()
    cost = serializers.CharField(allow_null=True, help_text="USD, exact; null where the role may not see money.")


class RequestListOut(ListOut):
    data = RequestOut(many=True)  # type: ignore[assignment]


class PriceRowOut(serializers.Serializer):
    id = serializers.CharField()
    applies_to = serializers.CharField(help_text="`everybody`, `plan` or `organization`; the narrowest wins.")
    usd_per_million_tokens = serializers.CharField()
    effective_from = Instant()


class PriceLineOut(serializers.Serializer):
    name = serializers.CharField(help_text="A token class, `rounding` or `overrun`.")
    tokens = serializers.IntegerField(allow_null=True)
    usd_per_million_tokens = serializers.CharField(allow_null=True)
    amount = serializers.CharField(help_text="USD, exact to twelve places.")
    why = serializers.CharField()
    price = PriceRowOut(allow_null=True, help_text="The row of the catalog that was charged.")
    overrode = PriceRowOut(many=True, help_text="Rows that would have held without it.")
    corrected_to = PriceRowOut(
        allow_null=True, help_text="What the catalog says today for that moment, where it is another price."
    )


class GivenBackOut(serializers.Serializer):
    run = serializers.CharField()
    amount = serializers.CharField()


class PriceExplanationOut(serializers.Serializer):
    object = serializers.CharField()
    request_id = serializers.CharField()
    model = serializers.CharField()
    at = Instant()
    currency = serializers.CharField()
    lines = PriceLineOut(many=True, help_text="They sum to the charge exactly.")
    charge = serializers.CharField(help_text="USD, exact.")
    given_back = GivenBackOut(many=True, help_text="After a wrong price, by repricing.")


class Requests(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)}

    @extend_schema(operation_id="requests_list", parameters=[RequestQuery], responses={200: RequestListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The requests of a filter, newest first; refused ones are under `/refusals`."""
        query = RequestQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        zone = self.caller.organization.zone
        edges = day_edges(*usage_query.days(asked, zone), zone)
        chosen = usage_query.chosen(self.caller, asked, edges)
        rows = request_list.newest_first(chosen, asked.get("ended", ""), asked.get("status", ""))
        rows = rows.select_related("api_key__project")
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), _PREFIX, by="occurred_at")
        money = self.caller.may(Permission.SEE_MONEY)
        return Response({"object": "list", "data": [shown(event, money=money) for event in found], **around})


class _RequestDoor(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)

    def event(self, request_id: str) -> UsageEvent:
        """The request; 404 for one that is not there or not within reach."""
        reach = reach_of(self.caller)
        found = request_list.find(self.caller.organization.pk, reach.project_ids(), request_id)
        if found is None:
            raise not_found("request")
        return found


class OneRequest(_RequestDoor):
    needs = {"GET": (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)}

    @extend_schema(operation_id="requests_get", responses={200: RequestOut, **ERRORS})
    def get(self, request: Request, request_id: str) -> Response:
        """One request: how long it took, what it used and what it cost."""
        return Response(shown(self.event(request_id), money=self.caller.may(Permission.SEE_MONEY)))


class Price(_RequestDoor):
    needs = {"GET": (Permission.SEE_MONEY,)}

    @extend_schema(operation_id="requests_price", responses={200: PriceExplanationOut, **ERRORS})
    def get(self, request: Request, request_id: str) -> Response:
        """Why this price: tokens x price of each class, which row of the catalog it was, and rounding."""
        return Response(_explained(price_explanation.of_event(self.event(request_id))))


def shown(event: UsageEvent, *, money: bool) -> dict[str, Any]:
    """The request as JSON."""
    return {
        "object": "request",
        "id": event.request_id,
        "at": instant(event.occurred_at),
        "model": event.model,
        "project_id": event.api_key.project.public_id,
        "key_id": event.api_key.public_id,
        "status": event.status,
        "ended": event.finish_reason,
        "error_code": event.error_code or None,
        "stream": event.stream,
        "input_tokens": event.input_tokens + event.cached_input_tokens,
        "cached_input_tokens": event.cached_input_tokens,
        "output_tokens": event.output_tokens,
        "reasoning_tokens": event.reasoning_tokens,
        "tokens_from": event.usage_source,
        "timing": {
            "first_token_ms": event.first_token_ms,
            "total_ms": event.total_ms,
            "output_tokens_per_second": _pace(event),
        },
        "cost": usd_string(event.charge) if money else None,
    }


def _pace(event: UsageEvent) -> str | None:
    spent = event.duration_ms - (event.first_token_ms or 0)
    if event.output_tokens <= 0 or spent <= 0:
        return None
    return str((Decimal(event.output_tokens) * 1000 / spent).quantize(Decimal("0.1"), ROUND_HALF_EVEN))


def _explained(found: Explanation) -> dict[str, Any]:
    return {
        "object": "price_explanation",
        "request_id": found.request_id,
        "model": found.model,
        "at": instant(found.at),
        "currency": CURRENCY,
        "lines": [_line(line) for line in found.lines],
        "charge": usd_string(found.charge),
        "given_back": [{"run": run, "amount": usd_string(amount)} for run, amount in found.given_back],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "tokens": line.count,
        "usd_per_million_tokens": None if line.unit_price is None else usd_per_million_string(line.unit_price),
        "amount": pico_usd_string(line.amount),
        "why": line.why,
        "price": _row(line.price) if line.price else None,
        "overrode": [_row(row) for row in line.overrode],
        "corrected_to": _row(line.corrected) if line.corrected else None,
    }


def _row(price: KnownPrice) -> dict[str, Any]:
    return {
        "id": f"price_{price.price_id}",
        "applies_to": price.scope,
        "usd_per_million_tokens": usd_per_million_string(price.unit_price),
        "effective_from": instant(price.effective_from),
    }
