"""What the clock has seen and told: how far in the audit trail, and whose credit is low."""

from django.db import models

from accounts.models import Organization


class AuditPosition(models.Model):
    """One row: every audit entry up to this one has been looked at."""

    id = models.SmallIntegerField(primary_key=True)
    entry_id = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.entry_id)


class LowBalance(models.Model):
    """An organization whose credit is low; the row goes when it is not any more."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()

    class Meta:
        verbose_name_plural = "low balances"

    def __str__(self) -> str:
        return f"{self.organization} since {self.since:%Y-%m-%d %H:%M}"
