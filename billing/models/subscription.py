"""Which plan an organization has."""

from django.db import models
from django.utils import timezone

from accounts.models import Organization
from catalog.models import Plan


class Subscription(models.Model):
    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="subscription")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="By agreement; empty: the plan's."
    )
    started_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.organization}: {self.plan}"

    @property
    def audit_id(self) -> str:
        """The one of its organization."""
        return self.organization.public_id
