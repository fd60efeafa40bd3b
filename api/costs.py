"""/api/v1/costs: what was spent, period by period."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission, Scope
from api import usage
from api.door import Door
from api.instant import instant
from api.schema import ERRORS
from api.usage import UsageQuery, dearest_first
from foundation.money import CURRENCY, usd_string
from usage.reports import Sums


class CostOut(serializers.Serializer):
    id = serializers.CharField(
        allow_null=True,
        help_text="Name of a model, or id of a key, project or member; null: keys of projects, which are no member's.",
    )
    name = serializers.CharField(allow_null=True)
    amount = serializers.CharField(help_text="USD, exact.")


class CostPeriodOut(serializers.Serializer):
    start = serializers.CharField()
    end = serializers.CharField()
    amount = serializers.CharField(help_text="USD, exact.")
    results = CostOut(many=True, help_text="By group, dearest first; empty without `by`.")


class CostsOut(serializers.Serializer):
    object = serializers.CharField()
    time_zone = serializers.CharField()
    interval = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    data = CostPeriodOut(many=True)  # type: ignore[assignment]
    total = serializers.CharField(help_text="USD, exact.")
    groups = CostOut(many=True, help_text="Totals by group, dearest first.")


class Costs(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": (Permission.SEE_MONEY,)}

    @extend_schema(operation_id="costs", parameters=[UsageQuery], responses={200: CostsOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """What was spent: the sums of the same charges as `/usage`, money alone."""
        query = UsageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        group = asked.get("by")
        edges, series = usage.read(self.caller, asked)
        overall = usage.total(series)
        names = usage.names_of(self.caller, group, overall)

        def rows(bucket: dict[Any, Sums]) -> list[dict[str, Any]]:
            if not group:
                return []
            return [
                {"id": names[key][0], "name": names[key][1], "amount": usd_string(sums.charge)}
                for key, sums in dearest_first(bucket)
            ]

        return Response(
            {
                "object": "costs",
                "time_zone": self.caller.organization.zone.key,
                "interval": asked["interval"],
                "by": group,
                "currency": CURRENCY,
                "data": [
                    {
                        "start": instant(since),
                        "end": instant(until),
                        "amount": _amount(bucket),
                        "results": rows(bucket),
                    }
                    for since, until, bucket in zip(edges, edges[1:], series, strict=False)
                ],
                "total": _amount(overall),
                "groups": rows(overall),
            }
        )


def _amount(bucket: dict[Any, Sums]) -> str:
    return usd_string(sum(sums.charge for sums in bucket.values()))
