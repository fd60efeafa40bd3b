"""A test alert by e-mail: whoever is told of limits gets it, so that it is known before it matters."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit
from accounts.actor import Actor
from accounts.models import Organization
from billing import recipients
from billing.mails import LIMIT_TEST
from billing.models import Delivery, DeliveryKind, EventType, OutboxMessage

_PAUSE = timedelta(minutes=1)
_TYPES = (EventType.LIMIT_THRESHOLD_REACHED, EventType.LIMIT_REACHED)


def addresses(organization: Organization) -> list[str]:
    """Who gets mails about limits, all or some of them."""
    return sorted({one.address for type_ in _TYPES for one in recipients.of_limits(organization, type_)})


def send(organization: Organization, by: Actor) -> list[str]:
    """Queue a test alert to all of them; the addresses. Raises ValidationError: nobody to tell, or told just now."""
    found = addresses(organization)
    if not found:
        raise ValidationError(gettext("Nobody would be told: nobody has a confirmed address and wants these mails."))
    now = timezone.now()
    with transaction.atomic():
        # Two clicks at once are one test.
        Organization.objects.select_for_update().get(pk=organization.pk)
        sent = OutboxMessage.objects.filter(organization=organization, created_at__gt=now - _PAUSE, type=LIMIT_TEST)
        if sent.exists():
            raise ValidationError(gettext("A test was sent less than a minute ago. Look into the mailbox first."))
        message = OutboxMessage.objects.create(
            organization=organization,
            type=LIMIT_TEST,
            payload={"object": "organization", "id": organization.public_id},
            created_at=now,
            dispatched_at=now,
        )
        Delivery.objects.bulk_create(
            Delivery(
                message=message, kind=DeliveryKind.EMAIL, address=address, next_attempt_at=now, created_at=now
            )
            for address in found
        )  # fmt: skip
        audit.record("limit.tested", organization, by, organization=organization)
    return found
