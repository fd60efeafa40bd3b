"""Sums of usage events in 15-minute UTC buckets; `rollup + pending = events` at every moment."""

from django.db import models

from accounts.models import ApiKey, Organization, Project
from foundation.fact_field import FactIdField


class Sums(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.CharField(max_length=100)
    bucket = models.DateTimeField(help_text="Start of the 15 minutes, UTC.")
    requests = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    charge = models.BigIntegerField(help_text="nano-USD")

    class Meta:
        abstract = True


class UsageRollup(Sums):
    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "bucket", "project", "api_key", "model"], name="one_rollup_a_bucket"
            )
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.model}"


class PendingRollup(Sums):
    """What settle adds and the fold takes away; readers add both tables."""

    event_id = FactIdField()

    class Meta:
        indexes = [models.Index(fields=["organization", "bucket"], name="pending_by_organization")]

    def __str__(self) -> str:
        return f"event {self.event_id}"
