"""Usage that came from elsewhere: what arrived together, and what corrects an earlier event. Only ever inserted."""

from django.conf import settings
from django.db import models

from accounts.models import ApiKey, Organization
from foundation.fact_field import FactIdField
from usage.models import UsageEvent


class IngestionBatch(models.Model):
    """Usage events that were recorded and charged together; its ledger transaction is `ingest:ID`."""

    id = FactIdField()
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Who reported it; neither: an operator's command.
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    received_at = models.DateTimeField()
    # Its events have ids between these two; another batch may have some there too.
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    events = models.IntegerField()
    charge = models.BigIntegerField(help_text="nano-USD; below zero where corrections gave back more than was used.")
    window_legs = models.TextField(default="[]", help_text="JSON: [[window id, measure, amount], ...].")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "ingestion batches"
        indexes = [models.Index(fields=["received_at"], name="batch_by_arrival")]
        constraints = [models.CheckConstraint(condition=models.Q(events__gte=1), name="batch_not_empty")]

    def __str__(self) -> str:
        return f"{self.events} events at {self.received_at:%Y-%m-%d %H:%M}"


class LateUsage(models.Model):
    """Ingested usage that was charged in another 15 minutes than it was used in: by these two, summed up."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Starts of buckets.
    charged_in = models.DateTimeField()
    used_in = models.DateTimeField()
    requests = models.BigIntegerField()
    charge = models.BigIntegerField(help_text="nano-USD; below zero where corrections gave back more than was used.")

    class Meta:
        ordering = ["-charged_in", "-used_in"]
        verbose_name_plural = "late usage"
        constraints = [
            models.UniqueConstraint(fields=["organization", "charged_in", "used_in"], name="one_sum_of_late_usage"),
        ]
        indexes = [models.Index(fields=["organization", "used_in"], name="late_usage_by_use")]

    def __str__(self) -> str:
        return f"{self.requests} requests of {self.used_in:%Y-%m-%d %H:%M}, charged {self.charged_in:%Y-%m-%d %H:%M}"


class CorrectionKind(models.TextChoices):
    VOID = "void", "It did not happen"
    AMEND = "amend", "It was other tokens"


class Correction(models.Model):
    """What a later event says of an earlier one; its id is that of the usage event that carries the difference."""

    id = FactIdField()
    event = models.ForeignKey(UsageEvent, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=5, choices=CorrectionKind.choices)
    # When it was said: of several the last one holds, in whatever order they come. A void holds against all.
    said_at = models.DateTimeField()
    # What it was instead; zero for a void.
    input_tokens = models.IntegerField()
    cached_input_tokens = models.IntegerField()
    output_tokens = models.IntegerField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["event"], condition=models.Q(kind="void"), name="one_void_an_event"),
            models.CheckConstraint(
                condition=models.Q(input_tokens__gte=0, cached_input_tokens__gte=0, output_tokens__gte=0),
                name="correction_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of event {self.event_id}"
