"""/api/v1/webhooks: endpoints, their secrets, and the log of what was delivered."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import Answer
from accounts.roles import Permission
from api import faults
from api.door import Door
from api.envelopes import RemovedOut
from api.key_serializers import Nothing
from api.once import ONCE
from api.paging import PageQuery, page
from api.schema import ERRORS
from api.webhook_serializers import (
    DeliveryDetailOut,
    DeliveryListOut,
    DeliveryOut,
    DeliveryQuery,
    WebhookChange,
    WebhookCreate,
    WebhookListOut,
    WebhookOut,
    WebhookRotate,
    WebhookWithSecretOut,
    shown,
    shown_delivery,
    shown_in_full,
)
from billing import webhooks
from billing.models import Delivery, WebhookEndpoint
from billing.webhooks import OVERLAPS, Issued

# For looking as well: addresses and answers may hold what is private.
_MAY = (Permission.MANAGE_ORGANIZATION,)


class _WebhookDoor(Door):
    needs = {"GET": _MAY, "POST": _MAY, "PATCH": _MAY, "DELETE": _MAY}

    def all_endpoints(self) -> Any:
        """Those that were not removed."""
        return WebhookEndpoint.objects.not_removed().filter(organization=self.caller.organization)

    def endpoint(self, webhook_id: str) -> WebhookEndpoint:
        """404 for one that is not there."""
        found: WebhookEndpoint | None = self.all_endpoints().filter(public_id=webhook_id).first()
        if found is None:
            raise faults.not_found("webhook")
        return found

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """404 for one that is not there."""
        endpoint = self.endpoint(webhook_id)
        log = webhooks.deliveries(self.caller.organization, endpoint=endpoint)
        found = log.select_related("message__organization", "endpoint").filter(public_id=delivery_id).first()
        if found is None:
            raise faults.not_found("delivery")
        return found

    def issued(self, issued: Issued, status: int) -> Answer:
        """The endpoint with a new secret."""
        return Answer(status, {**shown(issued.endpoint), "secret": None}, secret=issued.secret)


class Webhooks(_WebhookDoor):
    @extend_schema(operation_id="webhooks_list", parameters=[PageQuery], responses={200: WebhookListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The endpoints, newest first, those that are off included."""
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, ever = query.validated_data, WebhookEndpoint.objects.filter(organization=self.caller.organization)
        found, around = page(self.all_endpoints(), asked["limit"], asked.get("cursor"), among=ever)
        return Response({"object": "list", "data": [shown(one) for one in found], **around})

    @extend_schema(
        operation_id="webhooks_create",
        parameters=ONCE,
        request=WebhookCreate,
        responses={201: WebhookWithSecretOut, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Add an endpoint; the answer holds its secret, which is shown this once."""
        body = WebhookCreate(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data

        def work() -> Answer:
            made = webhooks.create_endpoint(
                self.caller.organization,
                asked["url"],
                self.caller.actor,
                types=asked["types"],
                description=asked["description"],
            )
            return self.issued(made, 201)

        return self.once(request, work)


class Webhook(_WebhookDoor):
    @extend_schema(operation_id="webhooks_get", responses={200: WebhookOut, **ERRORS})
    def get(self, request: Request, webhook_id: str) -> Response:
        """One endpoint."""
        return Response(shown(self.endpoint(webhook_id)))

    @extend_schema(operation_id="webhooks_change", request=WebhookChange, responses={200: WebhookOut, **ERRORS})
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change where and what is told, or switch it off and on; what is not sent stays."""
        self.endpoint(webhook_id)
        body = WebhookChange(data=request.data)
        body.is_valid(raise_exception=True)
        with self.edit(request, lambda: self.endpoint(webhook_id), shown) as endpoint:
            changed = webhooks.change(endpoint, self.caller.actor, **body.validated_data)
        return Response(shown(changed))

    @extend_schema(operation_id="webhooks_remove", responses={200: RemovedOut, **ERRORS})
    def delete(self, request: Request, webhook_id: str) -> Response:
        """Stop it for good and forget its secrets; what waits to be sent is cancelled."""
        with self.edit(request, lambda: self.endpoint(webhook_id), shown) as endpoint:
            webhooks.remove(endpoint, self.caller.actor)
        return Response({"object": "webhook", "id": webhook_id, "deleted": True})


class Rotate(_WebhookDoor):
    @extend_schema(
        operation_id="webhooks_rotate",
        parameters=ONCE,
        request=WebhookRotate,
        responses={200: WebhookWithSecretOut, **ERRORS},
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """A new secret, shown this once; for the length of `overlap` messages carry a signature by each of the two."""
        endpoint = self.endpoint(webhook_id)
        body = WebhookRotate(data=request.data)
        body.is_valid(raise_exception=True)
        overlap = OVERLAPS[body.validated_data["overlap"]]
        return self.once(
            request, lambda: self.issued(webhooks.rotate_secret(endpoint, self.caller.actor, overlap=overlap), 200)
        )


class Test(_WebhookDoor):
    @extend_schema(
        operation_id="webhooks_test", parameters=ONCE, request=Nothing, responses={201: DeliveryOut, **ERRORS}
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send a `webhook.test` message once, now. It takes up to 10 seconds.

        With an Idempotency-Key the answer says `pending`: what came of it is in the log.
        """
        endpoint = self.endpoint(webhook_id)
        Nothing(data=request.data).is_valid(raise_exception=True)
        return self.once(request, lambda: Answer(201, shown_delivery(webhooks.send_test(endpoint, self.caller.actor))))


class Deliveries(_WebhookDoor):
    @extend_schema(
        operation_id="deliveries_list", parameters=[DeliveryQuery], responses={200: DeliveryListOut, **ERRORS}
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        """What was or will be sent to the endpoint, newest first."""
        endpoint = self.endpoint(webhook_id)
        query = DeliveryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        everything = webhooks.deliveries(self.caller.organization, endpoint=endpoint)
        rows = webhooks.deliveries(self.caller.organization, endpoint=endpoint, state=asked.get("state", ""))
        found, around = page(rows, asked["limit"], asked.get("cursor"), among=everything)
        return Response({"object": "list", "data": [shown_delivery(one) for one in found], **around})


class OneDelivery(_WebhookDoor):
    @extend_schema(operation_id="deliveries_get", responses={200: DeliveryDetailOut, **ERRORS})
    def get(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """One delivery with its message and every attempt."""
        found = self.delivery(webhook_id, delivery_id)
        return Response(shown_in_full(found, webhooks.attempts(found)))


class Replay(_WebhookDoor):
    @extend_schema(
        operation_id="deliveries_replay", parameters=ONCE, request=Nothing, responses={200: DeliveryOut, **ERRORS}
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Send it again within seconds, with the same `webhook-id`; retries begin anew."""
        found = self.delivery(webhook_id, delivery_id)
        Nothing(data=request.data).is_valid(raise_exception=True)
        return self.once(request, lambda: Answer(200, shown_delivery(webhooks.replay(found, self.caller.actor))))
