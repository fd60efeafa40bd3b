"""From the outbox to deliveries: who is to be told what is written down once a message, in one transaction."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from billing import mails, recipients
from billing.models import Delivery, DeliveryKind, OutboxMessage

_MOST = 100
_HOUR = timedelta(hours=1)


def dispatch_messages() -> int:
    """Write the deliveries of every message that has none yet; the number of messages that this call won."""
    dispatched = 0
    while True:
        waiting = list(
            OutboxMessage.objects.filter(dispatched_at=None).select_related("organization").order_by("id")[:_MOST]
        )
        if not waiting:
            return dispatched
        now = timezone.now()
        with transaction.atomic():
            won = sum(_dispatch(message, now) for message in waiting)
        dispatched += won
        if won < len(waiting):
            # Another process is at it; what it leaves is seen when the clock comes round.
            return dispatched


def _dispatch(message: OutboxMessage, now: datetime) -> bool:
    if OutboxMessage.objects.filter(pk=message.pk, dispatched_at=None).update(dispatched_at=now) != 1:
        return False
    common = {"message": message, "next_attempt_at": now, "created_at": now}
    deliveries = [
        Delivery(kind=DeliveryKind.WEBHOOK, endpoint=endpoint, **common)
        for endpoint in recipients.by_webhook(message.organization, message.type)
    ]
    if mails.has_text(message.type) and not _is_flood(message):
        deliveries += [
            Delivery(kind=DeliveryKind.EMAIL, address=recipient.address, **common)
            for recipient in recipients.by_email(message)
        ]
    Delivery.objects.bulk_create(deliveries)
    return True


def _is_flood(message: OutboxMessage) -> bool:
    """A script that makes a thousand keys fills no mailbox; webhooks and the record of changes have them all."""
    if message.type not in recipients.ABOUT_KEYS:
        return False
    before = OutboxMessage.objects.filter(
        organization=message.organization,
        type__in=recipients.ABOUT_KEYS,
        created_at__gt=message.created_at - _HOUR,
        created_at__lte=message.created_at,
        pk__lt=message.pk,
    )
    return before[: mails.MOST_ABOUT_KEYS].count() >= mails.MOST_ABOUT_KEYS
