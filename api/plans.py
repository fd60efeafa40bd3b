"""/api/v1/plans: what plans there are, and which one the organization has."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission, Scope
from api.door import Door
from api.faults import not_found
from api.instant import Instant, instant
from api.schema import ERRORS
from billing.models import Subscription
from catalog.models import Plan
from foundation.money import CURRENCY, usd_string


class PlanOut(serializers.Serializer):
    object = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    requests_per_minute = serializers.IntegerField(help_text="Of all keys of an organization together.")
    monthly_credit = serializers.CharField(help_text="USD, given at the start of each month.")
    currency = serializers.CharField()
    by_agreement = serializers.BooleanField(help_text="Limits and prices are agreed with the operator.")


class PlanListOut(serializers.Serializer):
    object = serializers.CharField()
    data = PlanOut(many=True)  # type: ignore[assignment]


class CurrentPlanOut(serializers.Serializer):
    object = serializers.CharField()
    plan = PlanOut()
    requests_per_minute = serializers.IntegerField(help_text="Of this organization: the plan's, or by agreement.")
    started_at = Instant()


class Plans(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)

    @extend_schema(operation_id="plans_list", responses={200: PlanListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Every plan."""
        return Response({"object": "list", "data": [shown(plan) for plan in Plan.objects.all()]})


class CurrentPlan(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)}

    @extend_schema(operation_id="plans_current", responses={200: CurrentPlanOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The organization's plan and its pace."""
        found = Subscription.objects.select_related("plan").filter(organization=self.caller.organization).first()
        if found is None:
            raise not_found("plan")
        return Response(
            {
                "object": "subscription",
                "plan": shown(found.plan),
                "requests_per_minute": found.requests_per_minute or found.plan.requests_per_minute,
                "started_at": instant(found.started_at),
            }
        )


def shown(plan: Plan) -> dict[str, object]:
    """A plan as JSON."""
    return {
        "object": "plan",
        "code": plan.code,
        "name": plan.name,
        "description": plan.description,
        "requests_per_minute": plan.requests_per_minute,
        "monthly_credit": usd_string(plan.monthly_credit),
        "currency": CURRENCY,
        "by_agreement": plan.by_agreement,
    }
