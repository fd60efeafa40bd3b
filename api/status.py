"""/api/v1/status: what works right now, from requests that were really made."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone, translation
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Scope
from api.door import Door
from api.instant import Instant, instant
from api.schema import ERRORS
from billing import status_report
from billing.status_report import Component, State
from gateway.app import Gateway

STATES = [state.value for state in State]


class ComponentOut(serializers.Serializer):
    name = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    message = serializers.CharField(help_text="What that rests on.")
    at = Instant(allow_null=True, help_text="The instant that the message speaks of.")


class ModelStatusOut(ComponentOut):
    first_token_ms = serializers.IntegerField(
        allow_null=True, help_text="Median of the last day's newest requests, milliseconds."
    )


class StatusReportOut(serializers.Serializer):
    object = serializers.CharField()
    at = Instant()
    state = serializers.ChoiceField(STATES, help_text="The worst of what is known.")
    components = ComponentOut(many=True)
    models = ModelStatusOut(many=True)


class Status(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)

    @extend_schema(operation_id="status", responses={200: StatusReportOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The components of the status page: gateway, database, messages and every model on sale."""
        report = status_report.make(_gateway_alive(request), timezone.now())
        with translation.override("en"):
            return Response(
                {
                    "object": "status",
                    "at": instant(report.at),
                    "state": report.worst.value,
                    "components": [_component(one) for one in report.parts],
                    "models": [{**_component(row.component), "first_token_ms": row.median_ms} for row in report.models],
                }
            )


def _component(one: Component) -> dict[str, Any]:
    return {
        "name": str(one.name),
        "state": one.state.value,
        "message": str(one.words),
        "at": instant(one.at) if one.at else None,
    }


def _gateway_alive(request: Request) -> Callable[[], bool] | None:
    """Asks the gateway of this process; None where none runs."""
    gateway = getattr(request._request, "scope", {}).get("gateway")
    if not isinstance(gateway, Gateway):
        return None
    return lambda: gateway.bridge.is_alive
