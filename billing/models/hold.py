"""Credit set aside for a request that is under way."""

from django.conf import settings
from django.db import models

from accounts.models import ApiKey, Organization, Project
from foundation.fact_field import FactIdField


class MeteringProcess(models.Model):
    """A process that places holds; its number keeps the ids of facts apart."""

    started_at = models.DateTimeField(auto_now_add=True)
    host = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "metering processes"

    def __str__(self) -> str:
        return f"{self.pk} since {self.started_at:%Y-%m-%d %H:%M}"


class HoldState(models.TextChoices):
    ACTIVE = "active", "Active"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"
    RECOVERED = "recovered", "Recovered"


class Hold(models.Model):
    id = FactIdField()
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    secret_id = models.BigIntegerField(null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    request_id = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    stream = models.BooleanField()
    state = models.CharField(max_length=10, choices=HoldState.choices)
    amount = models.BigIntegerField(help_text="nano-USD")
    legs = models.TextField(help_text="JSON: [[grant id, nano-USD], ...] in the order of burning.")
    window_legs = models.TextField(default="[]", help_text="JSON: [[window id, measure, amount], ...].")
    input_bound = models.IntegerField(help_text="Tokens that the hold covers.")
    output_cap = models.IntegerField(help_text="Tokens that the hold covers.")
    input_price = models.BigIntegerField()
    cached_input_price = models.BigIntegerField()
    output_price = models.BigIntegerField()
    price_ids = models.CharField(max_length=64)
    admitted_at = models.DateTimeField()
    # Renewed by the heartbeat; a hold past its lease is recovered by the sweeper.
    lease_until = models.DateTimeField()
    # What was produced so far, as of the last heartbeat; null: the provider has not answered yet.
    progress_input = models.IntegerField(null=True)
    progress_cached_input = models.IntegerField(null=True)
    progress_output = models.IntegerField(null=True)
    progress_reasoning = models.IntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["lease_until"], condition=models.Q(state="active"), name="active_hold_by_lease"),
            models.Index(fields=["admitted_at"], name="hold_by_admission"),
        ]
        constraints = [models.CheckConstraint(condition=models.Q(amount__gte=0), name="hold_not_negative")]

    def __str__(self) -> str:
        return f"{self.request_id} ({self.state})"
