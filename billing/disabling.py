"""Switch a webhook endpoint off; what was on its way to it stays behind."""

from datetime import datetime

from accounts import audit
from accounts.actor import SYSTEM, Actor
from billing.models import (
    Delivery,
    DeliveryState,
    DisabledReason,
    EventType,
    OutboxMessage,
    WebhookEndpoint,
)
from foundation.periods import iso


def disable(endpoint: WebhookEndpoint, reason: DisabledReason, now: datetime, by: Actor = SYSTEM) -> bool:
    """Within the caller's transaction; False when it was off before. Unless a person did it, people are told."""
    enabled = WebhookEndpoint.objects.enabled().filter(pk=endpoint.pk)
    if enabled.update(disabled_at=now, disabled_reason=reason) != 1:
        return False
    cancel_pending(endpoint, "The endpoint was switched off.", now)
    audit.record("webhook.disabled", endpoint, by, changes={"reason": reason.value})
    if reason != DisabledReason.PERSON:
        OutboxMessage.objects.create(
            organization=endpoint.organization,
            type=EventType.WEBHOOK_DISABLED,
            payload={
                "object": "webhook_endpoint",
                "id": endpoint.public_id,
                "url": endpoint.shown_url,
                "description": endpoint.description,
                "reason": reason.value,
                "failing_since": iso(endpoint.failing_since) if endpoint.failing_since else None,
            },
            created_at=now,
        )
    return True


def cancel_pending(endpoint: WebhookEndpoint, why: str, now: datetime) -> int:
    """Cancel what is not delivered yet; what is being sent at this moment keeps its claim and records its result."""
    pending = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
    return pending.update(state=DeliveryState.CANCELLED, last_error=why, ended_at=now)
