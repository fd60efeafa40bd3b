"""/api/v1/limits: what may be spent, used or asked; and the alerts that limits gave."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import Answer
from accounts.models import Organization
from accounts.roles import Permission, Scope
from api import faults, numbered
from api.door import Door
from api.envelopes import RemovedOut
from api.limit_serializers import (
    AlertListOut,
    AlertQuery,
    LimitChange,
    LimitCreate,
    LimitListOut,
    LimitOut,
    LimitQuery,
    amount_of,
    shown,
    shown_alert,
)
from api.once import ONCE
from api.paging import page
from api.reaching import reach_of
from api.schema import ERRORS
from billing import limit_list, limits
from billing.limits import Subject, Terms
from billing.models import SpendingLimit

_SEES = (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)
_MANAGES = (Permission.MANAGE_MONEY,)


class _LimitDoor(Door):
    def limit(self, limit_id: str) -> SpendingLimit:
        """A limit in force; 404 for one that is not there or not within reach."""
        found = limit_list.find(reach_of(self.caller), limit_id)
        if found is None:
            raise faults.not_found("limit")
        return found

    def shown(self, found: list[SpendingLimit]) -> list[dict[str, Any]]:
        """The limits as they are now."""
        return [shown(status) for status in limits.status(found)]

    def one_shown(self, limit: SpendingLimit) -> dict[str, Any]:
        """The limit as it is now."""
        return self.shown([limit])[0]


class Limits(_LimitDoor):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES, "POST": _MANAGES}

    @extend_schema(operation_id="limits_list", parameters=[LimitQuery], responses={200: LimitListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The limits in force with what is used of them, newest first."""
        query = LimitQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        reach = reach_of(self.caller)
        rows = limit_list.in_force(reach)
        for name, column in (("project", "project__public_id"), ("key", "api_key__public_id")):
            if name in asked:
                rows = rows.filter(**{column: asked[name]})
        found, around = page(rows, asked["limit"], asked.get("cursor"), among=limit_list.ever(reach))
        return Response({"object": "list", "data": self.shown(found), **around})

    @extend_schema(
        operation_id="limits_create", parameters=ONCE, request=LimitCreate, responses={201: LimitOut, **ERRORS}
    )
    def post(self, request: Request) -> Response:
        """Set a limit on the organization, a project or a key; it holds from the next request on.

        What was used in the current period counts.
        """
        body = LimitCreate(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        subject = self._subject(asked)
        terms = limits.check(
            Terms(
                asked["measure"],
                amount_of(asked["measure"], asked["amount"]),
                asked["window"],
                asked["is_hard"],
                tuple(asked["thresholds"]),
            )
        )

        def work() -> Answer:
            with transaction.atomic():
                # Of two that come together the second must see the first.
                Organization.objects.select_for_update(no_key=True).get(pk=self.caller.organization.pk)
                if limits.find(subject, terms.measure, terms.window):
                    raise ValidationError("There is such a limit already. Change it instead.", code="limit_exists")
                made = limits.set_limit(subject, terms, self.caller.actor)
            return Answer(201, self.shown([made])[0])

        return self.once(request, work)

    def _subject(self, asked: dict[str, Any]) -> Subject:
        """The organization, or a project or live key of it."""
        if "project_id" in asked and "key_id" in asked:
            raise serializers.ValidationError({"key_id": "Give a project or a key, not both."})
        reach = reach_of(self.caller)
        if "project_id" in asked:
            project = next((one for one in reach.projects if one.public_id == asked["project_id"]), None)
            if project is None:
                raise faults.not_found("project", "project_id")
            return project
        if "key_id" in asked:
            keys = reach.keys().filter(public_id=asked["key_id"], revoked_at=None)
            api_key: Subject | None = keys.select_related("organization", "project").first()
            if api_key is None:
                raise faults.not_found("key", "key_id")
            return api_key
        return self.caller.organization


class Limit(_LimitDoor):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES, "PATCH": _MANAGES, "DELETE": _MANAGES}

    @extend_schema(operation_id="limits_get", responses={200: LimitOut, **ERRORS})
    def get(self, request: Request, limit_id: str) -> Response:
        """One limit, with what is used, held and left in its period, and when that ends."""
        return Response(self.shown([self.limit(limit_id)])[0])

    @extend_schema(operation_id="limits_change", request=LimitChange, responses={200: LimitOut, **ERRORS})
    def patch(self, request: Request, limit_id: str) -> Response:
        """Change amount, hardness or thresholds; what is not sent stays. It holds from the next request on."""
        self.limit(limit_id)
        body = LimitChange(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with self.edit(request, lambda: self.limit(limit_id), self.one_shown), transaction.atomic():
            # As it is now: of two changes at the same time the second adds to the first.
            Organization.objects.select_for_update(no_key=True).get(pk=self.caller.organization.pk)
            limit = self.limit(limit_id)
            amount = amount_of(limit.measure, asked["amount"]) if "amount" in asked else limit.amount
            terms = Terms(
                limit.measure,
                amount,
                limit.window,
                asked.get("is_hard", limit.is_hard),
                tuple(asked.get("thresholds", limit.thresholds)),
            )
            if limits.check(terms) != limits.terms_of(limit):
                limit = limits.set_limit(limit.subject, terms, self.caller.actor)
        return Response(self.one_shown(limit))

    @extend_schema(operation_id="limits_remove", responses={200: RemovedOut, **ERRORS})
    def delete(self, request: Request, limit_id: str) -> Response:
        """End a limit; the next request is no longer held to it."""
        with self.edit(request, lambda: self.limit(limit_id), self.one_shown) as limit:
            limits.remove(limit, self.caller.actor)
        return Response({"object": "limit", "id": limit_id, "deleted": True})


class Alerts(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES}

    @extend_schema(operation_id="alerts_list", parameters=[AlertQuery], responses={200: AlertListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Thresholds of limits that were reached, newest first; of removed limits too."""
        query = AlertQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows = limit_list.alerts(reach_of(self.caller))
        if "limit_id" in asked:
            rows = rows.filter(limit__public_id=asked["limit_id"])
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "alert")
        return Response({"object": "list", "data": [shown_alert(one) for one in found], **around})
