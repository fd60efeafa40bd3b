"""A threshold of a limit that was reached; written in the transaction that reached it."""

from django.db import models

from accounts.models import Organization
from billing.models.limit import SpendingLimit, SpendingWindow


class AlertReason(models.TextChoices):
    THRESHOLD = "threshold", "Threshold reached"
    REFUSAL = "refusal", "A request was refused"


class Alert(models.Model):
    """At most one a window, version of the limit and threshold; amounts in the limit's measure."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="alerts", db_index=False)
    limit = models.ForeignKey(SpendingLimit, on_delete=models.PROTECT, related_name="alerts")
    window = models.ForeignKey(SpendingWindow, on_delete=models.PROTECT, related_name="alerts", db_index=False)
    limit_version = models.PositiveIntegerField()
    threshold = models.PositiveIntegerField(help_text="Percent of the limit.")
    reason = models.CharField(max_length=10, choices=AlertReason.choices)
    # As they were in the transaction that caused the alert.
    amount = models.BigIntegerField()
    settled = models.BigIntegerField()
    held = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "created_at"], name="alert_by_organization")]
        constraints = [
            models.UniqueConstraint(fields=["window", "limit_version", "threshold"], name="one_alert_a_threshold")
        ]

    def __str__(self) -> str:
        return f"{self.threshold} % of limit {self.limit_id}"
