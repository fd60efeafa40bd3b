"""A message as a signed POST: Standard Webhooks, https://www.standardwebhooks.com."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from billing.models import OutboxMessage, WebhookEndpoint
from foundation import sealing, webhook_signature
from foundation.periods import iso

USER_AGENT = "Meterhouse-Webhooks/1"


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    url: str
    body: bytes
    headers: dict[str, str]


def build(message: OutboxMessage, endpoint: WebhookEndpoint, now: datetime) -> WebhookRequest:
    """The request of one attempt: id and body are the same each time, timestamp and signature are new.

    Raises SealBroken.
    """
    body = json.dumps(body_of(message), ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(now.timestamp())
    return WebhookRequest(
        endpoint.url,
        body,
        {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "webhook-id": message.public_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": webhook_signature.sign(message.public_id, timestamp, body, _secrets(endpoint, now)),
        },
    )


def body_of(message: OutboxMessage) -> dict[str, object]:
    """What receivers, the delivery log and the documentation show."""
    return {
        "id": message.public_id,
        "type": message.type,
        "created_at": iso(message.created_at),
        "organization_id": message.organization.public_id,
        "data": message.payload,
    }


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    sealed = [endpoint.sealed]
    if endpoint.previous_signs(now):
        sealed.append(endpoint.previous_sealed)
    return [sealing.unseal(text, settings.ENCRYPTION_KEY, endpoint.seal_context) for text in sealed]
