"""One message on its way to one recipient, and the log of every attempt."""

from datetime import datetime
from functools import partial

from django.db import models
from django.db.models import Q

from billing.models.outbox import OutboxMessage
from billing.models.webhook import WebhookEndpoint
from foundation.ids import public_id

EXCERPT = 500
LONGEST_ERROR = 300


class DeliveryKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class DeliveryState(models.TextChoices):
    PENDING = "pending", "On its way"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"
    CANCELLED = "cancelled", "Cancelled"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> "DeliveryQuerySet":
        """To be sent now: nobody sends it, or who did ran out of its lease."""
        return self.filter(
            Q(claimed_until=None) | Q(claimed_until__lte=now), state=DeliveryState.PENDING, next_attempt_at__lte=now
        )


class Delivery(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "dlv"), editable=False)
    message = models.ForeignKey(OutboxMessage, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=8, choices=DeliveryKind.choices)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="deliveries"
    )
    address = models.EmailField(blank=True)
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    # Counted when an attempt is claimed, so that it also tells whether who records a result still holds the claim.
    attempts = models.PositiveIntegerField(default=0)
    # Attempts before the latest replay: retries begin anew with it.
    attempts_before = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=LONGEST_ERROR, blank=True)
    response_excerpt = models.CharField(max_length=EXCERPT, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["message", "endpoint"], name="one_delivery_an_endpoint"),
            models.UniqueConstraint(
                fields=["message", "address"], condition=Q(kind="email"), name="one_delivery_an_address"
            ),
            models.CheckConstraint(
                condition=Q(kind="webhook", endpoint__isnull=False, address="")
                | (Q(kind="email", endpoint=None) & ~Q(address="")),
                name="delivery_has_one_recipient",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} to {self.address or self.endpoint}"


class DeliveryAttempt(models.Model):
    """What came of one attempt; rows are only ever inserted."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="log", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    succeeded = models.BooleanField()
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=LONGEST_ERROR, blank=True)
    response_excerpt = models.CharField(max_length=EXCERPT, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="one_row_an_attempt")]

    def __str__(self) -> str:
        return f"attempt {self.number} of delivery {self.delivery_id}"
