"""What one does with webhook endpoints and deliveries. Every verb is one transaction and leaves an audit entry.

Doors ask for Permission.MANAGE_ORGANIZATION, for looking as well: addresses and answers may hold what is private.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit
from accounts.actor import Actor
from accounts.models import Organization
from billing import delivering, disabling
from billing.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryKind,
    DeliveryState,
    DisabledReason,
    EventType,
    OutboxMessage,
    WebhookEndpoint,
)
from foundation import egress, sealing, webhook_signature

MOST_ENDPOINTS = 20
LONGEST_DESCRIPTION = 200
OVERLAPS = {
    "now": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint and its secret in the clear: show it once, store it nowhere."""

    endpoint: WebhookEndpoint
    secret: str


# ---------------------------------------------------------------- endpoints


def endpoints(organization: Organization) -> list[WebhookEndpoint]:
    """The endpoints of the organization, oldest first, those that are off included."""
    return list(WebhookEndpoint.objects.not_removed().filter(organization=organization))


def create_endpoint(
    organization: Organization, url: str, by: Actor, *, types: Iterable[str] = (), description: str = ""
) -> Issued:
    """A new endpoint for messages of `types`, none named: all; raises ValidationError with a message per field."""
    url, wanted, description = _checked(url, types, description)
    with transaction.atomic():
        # Two that come together must not both see room for one.
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        if WebhookEndpoint.objects.not_removed().filter(organization=organization).count() >= MOST_ENDPOINTS:
            raise ValidationError(
                f"An organization has at most {MOST_ENDPOINTS} webhook endpoints. Remove one first.",
                code="too_many_endpoints",
            )
        endpoint = WebhookEndpoint(
            organization=organization, url=url, description=description, types=wanted, created_by=by.user
        )
        secret = webhook_signature.new_secret()
        endpoint.sealed = _seal(endpoint, secret)
        endpoint.save()
        audit.record("webhook.created", endpoint, by, changes={"url": endpoint.shown_url, "types": wanted})
        return Issued(endpoint, secret)


def change(
    endpoint: WebhookEndpoint,
    by: Actor,
    *,
    url: str | None = None,
    types: Iterable[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """What is None stays as it is; raises ValidationError. What is switched on again starts with a clean record."""
    with transaction.atomic():
        endpoint = _locked(endpoint)
        before = (endpoint.url, endpoint.types, endpoint.description)
        after = _checked(
            endpoint.url if url is None else url,
            endpoint.types if types is None else types,
            endpoint.description if description is None else description,
            is_new_url=url is not None and url != endpoint.url,
        )
        if after != before:
            endpoint.url, endpoint.types, endpoint.description = after
            endpoint.save(update_fields=["url", "types", "description"])
            facts = {"url": endpoint.shown_url, "types": endpoint.types, "description": endpoint.description}
            audit.record("webhook.changed", endpoint, by, changes=facts)
        if enabled is False:
            disabling.disable(endpoint, DisabledReason.PERSON, timezone.now(), by)
        elif enabled and not endpoint.is_enabled:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
                disabled_at=None, disabled_reason="", failing_since=None
            )
            audit.record("webhook.enabled", endpoint, by)
        endpoint.refresh_from_db()
        return endpoint


def rotate_secret(endpoint: WebhookEndpoint, by: Actor, *, overlap: timedelta = OVERLAPS["24h"]) -> Issued:
    """A new secret; for the length of `overlap` messages carry a signature by each of the two."""
    if overlap not in OVERLAPS.values():
        raise ValidationError({"overlap": gettext("Overlap is one of %(names)s.") % {"names": ", ".join(OVERLAPS)}})
    with transaction.atomic():
        endpoint = _locked(endpoint)
        secret = webhook_signature.new_secret()
        endpoint.previous_sealed = endpoint.sealed if overlap else ""
        endpoint.previous_ends_at = timezone.now() + overlap if overlap else None
        endpoint.sealed = _seal(endpoint, secret)
        endpoint.save(update_fields=["sealed", "previous_sealed", "previous_ends_at"])
        changes = {"overlap_seconds": int(overlap.total_seconds())}
        audit.record("webhook.secret_rotated", endpoint, by, changes=changes)
        return Issued(endpoint, secret)


def remove(endpoint: WebhookEndpoint, by: Actor) -> None:
    """Stop it for good and forget its secrets; the log of its deliveries stays. Doing it twice changes nothing."""
    now = timezone.now()
    with transaction.atomic():
        there = WebhookEndpoint.objects.not_removed().filter(pk=endpoint.pk)
        if there.update(removed_at=now, sealed="", previous_sealed="", previous_ends_at=None):
            disabling.cancel_pending(endpoint, "The endpoint was removed.", now)
            audit.record("webhook.removed", endpoint, by)


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The row as it is now; raises ValidationError when it was removed."""
    rows = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    stored = rows.get(pk=endpoint.pk)
    if stored.removed_at:
        raise ValidationError(gettext("This endpoint was removed. Create a new one."), code="endpoint_removed")
    return stored


def _checked(
    url: str, types: Iterable[str], description: str, *, is_new_url: bool = True
) -> tuple[str, list[str], str]:
    errors: dict[str, str] = {}
    if is_new_url:
        try:
            url = egress.check_url(url.strip(), allow_private=settings.WEBHOOKS_ALLOW_PRIVATE)
        except egress.Forbidden as error:
            errors["url"] = str(error)
    wanted = list(dict.fromkeys(types))
    if not set(wanted) <= set(EventType.values):
        errors["types"] = gettext("Choose from %(names)s; none: all.") % {"names": ", ".join(EventType.values)}
    description = description.strip()
    if len(description) > LONGEST_DESCRIPTION or not description.isprintable():
        errors["description"] = gettext("A description is one line of at most %(longest_description)s characters.") % {
            "longest_description": LONGEST_DESCRIPTION
        }
    if errors:
        raise ValidationError(errors)
    return url, wanted, description


def _seal(endpoint: WebhookEndpoint, secret: str) -> str:
    return sealing.seal(secret, settings.ENCRYPTION_KEY, endpoint.seal_context)


# ---------------------------------------------------------------- deliveries


def deliveries(
    organization: Organization, *, endpoint: WebhookEndpoint | None = None, state: str = ""
) -> QuerySet[Delivery]:
    """The delivery log, newest first: of one endpoint or all, in one of DeliveryState or all."""
    found = Delivery.objects.filter(message__organization=organization).select_related("message", "endpoint")
    if endpoint:
        found = found.filter(endpoint=endpoint)
    return found.filter(state=state) if state else found


def attempts(delivery: Delivery) -> list[DeliveryAttempt]:
    """Every attempt, newest first."""
    return list(DeliveryAttempt.objects.filter(delivery=delivery))


def send_test(endpoint: WebhookEndpoint, by: Actor) -> Delivery:
    """A webhook.test message, sent at once and once; the delivery with its result.

    It takes up to 10 seconds. Within a caller's transaction it is sent after the commit, and the result is in the log.
    """
    now = timezone.now()
    with transaction.atomic():
        endpoint = _locked(endpoint)
        _must_be_enabled(endpoint)
        message = OutboxMessage.objects.create(
            organization=endpoint.organization,
            type=delivering.TEST,
            payload={"object": "webhook_endpoint", "id": endpoint.public_id, "description": endpoint.description},
            created_at=now,
            dispatched_at=now,
        )
        # With the claim on it, so that no other process sends it too.
        delivery = Delivery.objects.create(
            message=message,
            kind=DeliveryKind.WEBHOOK,
            endpoint=endpoint,
            attempts=1,
            next_attempt_at=now,
            claimed_until=now + delivering.LEASE,
            created_at=now,
        )
        audit.record("webhook.tested", endpoint, by, changes={"delivery": delivery.public_id})
        transaction.on_commit(lambda: delivering.deliver_claimed(delivery))
    delivery.refresh_from_db()
    return delivery


def replay(delivery: Delivery, by: Actor) -> Delivery:
    """Send an old delivery again, with the same webhook-id, within seconds; retries begin anew.

    Raises ValidationError while it is being sent, and when its endpoint is off.
    """
    with transaction.atomic():
        if delivery.endpoint:
            _must_be_enabled(_locked(delivery.endpoint))
        if not _queue_again(delivery, timezone.now()):
            raise ValidationError(gettext("This message is being sent right now."), code="delivery_running")
        organization = delivery.message.organization
        audit.record("delivery.replayed", delivery, by, organization=organization)
        delivery.refresh_from_db()
        return delivery


def _queue_again(delivery: Delivery, now: datetime) -> bool:
    idle = Delivery.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), pk=delivery.pk)
    again = {"state": DeliveryState.PENDING, "attempts_before": F("attempts"), "next_attempt_at": now, "ended_at": None}
    return idle.update(**again) == 1


def _must_be_enabled(endpoint: WebhookEndpoint) -> None:
    if not endpoint.is_enabled:
        raise ValidationError(gettext("This endpoint is switched off. Switch it on first."), code="endpoint_disabled")
