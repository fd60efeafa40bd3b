"""/api/v1/balance and /grants: what credit there is, and in which order it is used."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission, Scope
from api import numbered
from api.door import Door
from api.envelopes import ListOut
from api.instant import Instant, instant
from api.paging import PageQuery
from api.schema import ERRORS
from billing import balances, grant_order
from billing.grant_order import Placed
from billing.models import CreditGrant, GrantKind
from foundation.money import CURRENCY, usd_string


class BalanceOut(serializers.Serializer):
    object = serializers.CharField()
    currency = serializers.CharField()
    posted = serializers.CharField(help_text="Credit in force less what was charged.")
    held = serializers.CharField(help_text="Set aside for requests that are under way.")
    available = serializers.CharField(help_text="posted - held.")
    paid = serializers.CharField(help_text="The part of `posted` that was paid for.")
    granted = serializers.CharField(help_text="The part of `posted` that was given.")
    owed = serializers.CharField(
        help_text="Reported usage that no credit covered: in none of the others, nor paid by later credit."
    )


class GrantOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    kind = serializers.ChoiceField(GrantKind.choices)
    state = serializers.ChoiceField(grant_order.STATES)
    place = serializers.IntegerField(allow_null=True, help_text="In the order of use, from 1; null unless live.")
    amount = serializers.CharField(help_text="USD, exact.")
    used = serializers.CharField()
    held = serializers.CharField()
    left = serializers.CharField(help_text="Neither used nor held; of an expired one: what expired.")
    currency = serializers.CharField()
    is_paid = serializers.BooleanField()
    note = serializers.CharField()
    starts_at = Instant()
    expires_at = Instant(allow_null=True)
    created_at = Instant()


class GrantListOut(ListOut):
    data = GrantOut(many=True)  # type: ignore[assignment]


class GrantQuery(PageQuery):
    state = serializers.ChoiceField(grant_order.STATES, required=False, help_text="Only grants that stand so.")


class Balance(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": (Permission.SEE_MONEY,)}

    @extend_schema(operation_id="balance", responses={200: BalanceOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The organization's credit at this moment, and what it owes."""
        organization_id = self.caller.organization.pk
        found = balances.balance(organization_id)
        return Response(
            {
                "object": "balance",
                "currency": CURRENCY,
                "posted": usd_string(found.posted),
                "held": usd_string(found.held),
                "available": usd_string(found.available),
                "paid": usd_string(found.paid),
                "granted": usd_string(found.granted),
                "owed": usd_string(balances.owed(organization_id)),
            }
        )


class Grants(Door):
    needs = {"GET": (Permission.MANAGE_MONEY,)}

    @extend_schema(operation_id="grants_list", parameters=[GrantQuery], responses={200: GrantListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Credit that was given, newest first; `place` says in which order it is used."""
        query = GrantQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, now, organization = query.validated_data, timezone.now(), self.caller.organization
        # This month's plan credit belongs to the list.
        balances.balance(organization.pk, now)
        rows = CreditGrant.objects.filter(organization=organization)
        if "state" in asked:
            rows = rows.filter(grant_order.standing(asked["state"], now))
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "grant")
        placed = grant_order.placed(organization, found, now)
        return Response({"object": "list", "data": [shown(one) for one in placed], **around})


def shown(placed: Placed) -> dict[str, object]:
    """A grant as JSON."""
    grant = placed.grant
    return {
        "object": "grant",
        "id": f"grant_{grant.pk}",
        "kind": grant.kind,
        "state": placed.state,
        "place": placed.number or None,
        "amount": usd_string(grant.amount),
        "used": usd_string(grant.burned),
        "held": usd_string(grant.held),
        "left": usd_string(placed.left),
        "currency": CURRENCY,
        "is_paid": grant.is_paid,
        "note": grant.note,
        "starts_at": instant(grant.starts_at),
        "expires_at": instant(grant.expires_at) if grant.expires_at else None,
        "created_at": instant(grant.created_at),
    }
