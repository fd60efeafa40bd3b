"""Credit that an organization may use; burned by priority, then expiry, then free before paid, then age."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Organization


class GrantKind(models.TextChoices):
    PLAN = "plan", "Plan's monthly credit"
    OPERATOR = "operator", "Granted by the operator"
    CODE = "code", "Redemption code"
    PAYMENT = "payment", "Payment"
    ADJUSTMENT = "adjustment", "Given back after a wrong price"


class CreditGrant(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="credit_grants")
    kind = models.CharField(max_length=12, choices=GrantKind.choices)
    is_paid = models.BooleanField(default=False)
    # One grant per rule and period: `plan:free:2026-11`.
    source = models.CharField(max_length=100)
    amount = models.BigIntegerField(help_text="nano-USD")
    burned = models.BigIntegerField(default=0, editable=False, help_text="nano-USD")
    held = models.BigIntegerField(default=0, editable=False, help_text="nano-USD")
    priority = models.SmallIntegerField(default=100, help_text="Lower is used first.")
    starts_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "expires_at"], name="grant_by_organization")]
        constraints = [
            models.UniqueConstraint(fields=["organization", "source"], name="one_grant_a_rule_and_period"),
            models.CheckConstraint(condition=models.Q(burned__gte=0, held__gte=0), name="grant_use_not_negative"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=models.F("burned") + models.F("held")), name="grant_never_overdrawn"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} of {self.organization}"
