"""/api/v1/providers: how the providers behind the models answer, from requests that were really made."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Scope
from api import numbered
from api.door import Door
from api.envelopes import ListOut
from api.instant import Instant, instant
from api.paging import PageQuery
from api.schema import ERRORS
from billing import provider_health
from billing.models import ProviderHealth
from catalog.models import Provider

UP, DOWN, UNKNOWN = "up", "down", "unknown"


class ProviderOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField(allow_null=True, help_text="For operators who are logged in; null for others.")
    models = serializers.ListField(child=serializers.CharField(), help_text="Names of the models that it serves.")
    state = serializers.ChoiceField([UP, DOWN, UNKNOWN], help_text="`unknown`: nobody has asked it yet.")
    down_since = Instant(allow_null=True)
    answered_at = Instant(allow_null=True, help_text="Its newest answer.")
    failed_at = Instant(allow_null=True, help_text="Its newest failure.")
    failed_in_a_row = serializers.IntegerField(help_text="Failures since its newest answer; five make it `down`.")
    failure = serializers.CharField(
        allow_null=True,
        help_text="The newest: `unreachable`, `broke off`, `unusable`, or a status. For operators; null for others.",
    )


class ProviderListOut(ListOut):
    data = ProviderOut(many=True)  # type: ignore[assignment]


class Providers(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)

    @extend_schema(operation_id="providers_list", parameters=[PageQuery], responses={200: ProviderListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The providers in use, newest first: whether they answer, and since when not. Who they are, operators see."""
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows = Provider.objects.filter(enabled=True).select_related("health")
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "provider")
        membership = self.caller.membership
        named = membership is not None and membership.user.is_staff
        return Response({"object": "list", "data": [_shown(one, named=named) for one in found], **around})


def _shown(provider: Provider, *, named: bool) -> dict[str, Any]:
    health: ProviderHealth | None = getattr(provider, "health", None)
    state = UNKNOWN if health is None else DOWN if health.down_since else UP
    return {
        "object": "provider",
        "id": f"provider_{provider.pk}",
        "name": provider.name if named else None,
        "models": provider_health.models_of(provider),
        "state": state,
        "down_since": _at(health.down_since if health else None),
        "answered_at": _at(health.answered_at if health else None),
        "failed_at": _at(health.failed_at if health else None),
        "failed_in_a_row": health.failed_in_a_row if health else 0,
        "failure": (health.failure or None) if health and named else None,
    }


def _at(when: datetime | None) -> str | None:
    return instant(when) if when else None
