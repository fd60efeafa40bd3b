"""Codes that organizations redeem for credit, and who redeemed them."""

from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Organization
from billing.models.grant import CreditGrant
from foundation.ids import public_id


class RedemptionCode(models.Model):
    """A code that gives `amount` to each of at most `max_redemptions` organizations."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "code"), editable=False)
    # Keyed hash of the code, which is shown once.
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=4, editable=False, help_text="The code's first four characters.")
    amount = models.BigIntegerField(help_text="nano-USD")
    max_redemptions = models.PositiveIntegerField(default=1)
    redeemed = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Until when it can be redeemed.")
    valid_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Days that the credit lasts after redeeming; empty: for ever."
    )
    note = models.CharField(max_length=200, blank=True, help_text="For operators; customers do not see it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="code_amount_positive"),
            models.CheckConstraint(condition=Q(redeemed__lte=F("max_redemptions")), name="code_never_overused"),
        ]

    def __str__(self) -> str:
        return f"{self.hint}-…"

    def is_open(self, now: datetime) -> bool:
        """Whether somebody can still redeem it."""
        ended = self.expires_at is not None and self.expires_at <= now
        return self.voided_at is None and not ended and self.redeemed < self.max_redemptions


class Redemption(models.Model):
    """An organization that redeemed a code, and the credit that it got."""

    code = models.ForeignKey(RedemptionCode, on_delete=models.PROTECT, related_name="redemptions")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="redemptions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    grant = models.OneToOneField(CreditGrant, on_delete=models.PROTECT, related_name="redemption")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["code", "organization"], name="one_redemption_an_organization")]

    def __str__(self) -> str:
        return f"{self.code} by {self.organization}"
