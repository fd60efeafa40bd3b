"""One metered request, or a correction of one. Rows are only ever inserted: the database refuses UPDATE and DELETE."""

from django.conf import settings
from django.db import models

from accounts.models import ApiKey, Organization, Project
from catalog.models import Provider
from foundation.fact_field import FactIdField

# Where the token counts of a request that did not pass the gateway come from, and rows that correct one: what a
# correction takes away from the sums is below zero.
INGESTED, VOIDED, AMENDED = "ingested", "voided", "amended"
CORRECTIONS = (VOIDED, AMENDED)


class UsageEvent(models.Model):
    # The id of the hold that admitted the request; an ingested one has an id of its own.
    id = FactIdField()
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="usage_events", db_index=False)
    secret_id = models.BigIntegerField(null=True, help_text="Which secret of the key was used.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    request_id = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    # When the request was admitted: it belongs to the window and bucket of this instant.
    occurred_at = models.DateTimeField()
    first_token_ms = models.IntegerField(null=True, help_text="Milliseconds from admission to the first token.")
    duration_ms = models.IntegerField(help_text="Milliseconds from admission to the last token.")
    stream = models.BooleanField()
    status = models.SmallIntegerField()
    error_code = models.CharField(max_length=64, blank=True)
    finish_reason = models.CharField(max_length=32)
    usage_source = models.CharField(max_length=8, help_text="upstream, counted, partial, ingested, voided or amended")
    input_tokens = models.IntegerField()
    cached_input_tokens = models.IntegerField()
    output_tokens = models.IntegerField()
    reasoning_tokens = models.IntegerField(null=True, help_text="The part of the output, where the provider tells it.")
    # Pinned when the request was admitted, pico-USD per token.
    input_price = models.BigIntegerField()
    cached_input_price = models.BigIntegerField()
    output_price = models.BigIntegerField()
    price_ids = models.CharField(max_length=64, help_text="Price rows of input, cached input and output.")
    charge = models.BigIntegerField(help_text="nano-USD")
    overrun = models.BigIntegerField(default=0, help_text="nano-USD above the hold: the operator's, never charged.")
    # Of what was ingested: who says so, by whose id, a hash of what was said, and with which batch it came.
    source = models.CharField(max_length=200, null=True)
    external_id = models.CharField(max_length=200, null=True)
    # A hash of organization, source and external id: one short value to look up instead of three long ones.
    identity = models.UUIDField(null=True)
    digest = models.CharField(max_length=32, null=True)
    batch_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "occurred_at"], name="event_by_organization"),
            models.Index(fields=["api_key", "occurred_at"], name="event_by_key"),
            models.Index(fields=["request_id"], name="event_by_request"),
            models.Index(
                fields=["organization", "occurred_at"], condition=models.Q(status__gte=500), name="event_that_failed"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(input_tokens__gte=0, cached_input_tokens__gte=0, output_tokens__gte=0)
                | models.Q(usage_source__in=CORRECTIONS, batch_id__isnull=False),
                name="event_tokens_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(charge__gte=0, overrun__gte=0)
                | models.Q(usage_source__in=CORRECTIONS, batch_id__isnull=False, overrun=0),
                name="event_charge_not_negative",
            ),
            models.UniqueConstraint(
                fields=["identity"], condition=models.Q(identity__isnull=False), name="one_event_an_identity"
            ),
        ]

    def __str__(self) -> str:
        return self.request_id

    @property
    def total_ms(self) -> int | None:
        """Milliseconds from admission to the last token; None where nobody measured them."""
        # A report that does not say how long a request took is kept with 0.
        return None if self.batch_id is not None and not self.duration_ms else self.duration_ms
