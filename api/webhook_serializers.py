"""Webhook endpoints and deliveries as JSON: what goes out, and what comes in."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.envelopes import ListOut
from api.instant import Instant, instant
from api.paging import PageQuery
from api.strict import Strict
from billing.models import Delivery, DeliveryAttempt, DeliveryState, DisabledReason, EventType, WebhookEndpoint
from billing.webhook_request import body_of
from billing.webhooks import LONGEST_DESCRIPTION, OVERLAPS
from foundation.egress import LONGEST_URL


class WebhookOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    url = serializers.CharField()
    description = serializers.CharField()
    types = serializers.ListField(
        child=serializers.ChoiceField(EventType.choices), help_text="Empty: all, also those that come later."
    )
    enabled = serializers.BooleanField()
    disabled_reason = serializers.ChoiceField(DisabledReason.choices, allow_null=True)
    disabled_at = Instant(allow_null=True)
    failing_since = Instant(allow_null=True, help_text="The first failure since the last success.")
    previous_secret_ends_at = Instant(allow_null=True, help_text="Until when the old secret signs beside the new one.")
    created_at = Instant()


class WebhookWithSecretOut(WebhookOut):
    secret = serializers.CharField(help_text="`whsec_…`: keep it now, it is never shown again.")


class WebhookListOut(ListOut):
    data = WebhookOut(many=True)  # type: ignore[assignment]


class DeliveryOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    webhook_id = serializers.CharField()
    message_id = serializers.CharField(help_text="The header `webhook-id`; a replay has the same.")
    type = serializers.CharField()
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = Instant(allow_null=True, help_text="Null once it has ended.")
    last_status = serializers.IntegerField(allow_null=True, help_text="Status of the newest answer.")
    last_error = serializers.CharField(allow_null=True)
    created_at = Instant()
    ended_at = Instant(allow_null=True)


class DeliveryListOut(ListOut):
    data = DeliveryOut(many=True)  # type: ignore[assignment]


class AttemptOut(serializers.Serializer):
    number = serializers.IntegerField()
    at = Instant()
    succeeded = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    response = serializers.CharField(help_text="The beginning of the answer.")
    duration_ms = serializers.IntegerField(allow_null=True)


class MessageOut(serializers.Serializer):
    id = serializers.CharField()
    type = serializers.CharField()
    created_at = serializers.CharField()
    organization_id = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]


class DeliveryDetailOut(DeliveryOut):
    message = MessageOut(help_text="The body as it is sent.")
    log = AttemptOut(many=True, help_text="Every attempt, newest first.")


@extend_schema_field({"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": LONGEST_URL})
class UrlField(serializers.CharField):
    """Where a webhook goes; that its host may be reached is checked when it is set."""


class WebhookCreate(Strict):
    url = UrlField(max_length=LONGEST_URL)
    types = serializers.ListField(
        child=serializers.ChoiceField(EventType.choices),
        default=list,
        max_length=50,
        help_text="Empty: all, also those that come later.",
    )
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, default="", allow_blank=True)


class WebhookChange(Strict):
    url = UrlField(max_length=LONGEST_URL, required=False)
    types = serializers.ListField(
        child=serializers.ChoiceField(EventType.choices), required=False, max_length=50, help_text="Empty: all."
    )
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False, help_text="Switched on again it starts with a clean record.")


class WebhookRotate(Strict):
    overlap = serializers.ChoiceField(
        list(OVERLAPS), default="24h", help_text="How long messages are signed with the old secret as well."
    )


class DeliveryQuery(PageQuery):
    state = serializers.ChoiceField(DeliveryState.choices, required=False)


def shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint as JSON."""
    return {
        "object": "webhook",
        "id": endpoint.public_id,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": endpoint.types,
        "enabled": endpoint.is_enabled,
        "disabled_reason": endpoint.disabled_reason or None,
        "disabled_at": _instant(endpoint.disabled_at),
        "failing_since": _instant(endpoint.failing_since),
        "previous_secret_ends_at": _instant(endpoint.previous_ends_at),
        "created_at": instant(endpoint.created_at),
    }


def shown_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery as JSON."""
    pending = delivery.state == DeliveryState.PENDING
    return {
        "object": "delivery",
        "id": delivery.public_id,
        "webhook_id": delivery.endpoint.public_id if delivery.endpoint else "",
        "message_id": delivery.message.public_id,
        "type": delivery.message.type,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": instant(delivery.next_attempt_at) if pending else None,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error or None,
        "created_at": instant(delivery.created_at),
        "ended_at": _instant(delivery.ended_at),
    }


def shown_in_full(delivery: Delivery, log: list[DeliveryAttempt]) -> dict[str, Any]:
    """A delivery with its message and every attempt."""
    return {
        **shown_delivery(delivery),
        "message": body_of(delivery.message),
        "log": [
            {
                "number": one.number,
                "at": instant(one.at),
                "succeeded": one.succeeded,
                "status": one.status,
                "error": one.error or None,
                "response": one.response_excerpt,
                "duration_ms": one.duration_ms,
            }
            for one in log
        ],
    }


def _instant(at: Any) -> str | None:
    return instant(at) if at else None
