"""Sums of usage events: by 15 minutes and key, and by wider spans; `rollup + pending = events` at every moment."""

from django.db import models

from accounts.models import ApiKey, Organization, Project
from foundation.fact_field import FactIdField


class Sums(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.CharField(max_length=100)
    bucket = models.DateTimeField(help_text="Start of the time that is summed up, UTC.")
    requests = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    charge = models.BigIntegerField(help_text="nano-USD")
    # In two columns, because pico-USD alone would not fit into 64 bits for long.
    saved = models.BigIntegerField(
        default=0, db_default=0, help_text="nano-USD that cached input would have cost more at the price of input."
    )
    saved_pico = models.BigIntegerField(default=0, db_default=0, help_text="pico-USD that it would have cost besides.")

    class Meta:
        abstract = True


class UsageRollup(Sums):
    """15 minutes of a key."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["api_key", "bucket"], name="rollup_by_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "bucket", "project", "api_key", "model"], name="one_rollup_a_bucket"
            )
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.model}"


class Span(Sums):
    """A fixed width of time; see `usage.spans`. The database need not check what the rollups of it have checked."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    width = models.SmallIntegerField(help_text="Minutes.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.width} min {self.model}"


class KeySpan(Span):
    """Hours or days of a key."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)

    class Meta:
        indexes = [models.Index(fields=["api_key", "width", "bucket"], name="span_by_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "width", "bucket", "project", "api_key", "model"], name="one_key_span"
            )
        ]


class KeyTotal(Span):
    """Days of a key with all its models."""

    model = None  # type: ignore[assignment]
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "width", "bucket", "project", "api_key"], name="one_key_total"
            )
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.width} min"


class ProjectSpan(Span):
    """Minutes, hours or days of a project with all its keys."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "width", "bucket", "project", "model"], name="one_project_span"
            )
        ]


class PendingRollup(Sums):
    """What settle adds and the fold takes away; readers add it to the others."""

    event_id = FactIdField()
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["organization", "bucket"], name="pending_by_organization")]

    def __str__(self) -> str:
        return f"event {self.event_id}"
