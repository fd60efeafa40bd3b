"""What was given back of a charge after a wrong price; the charge itself never changes."""

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from billing.models.grant import CreditGrant
from usage.models import UsageEvent


class Adjustment(models.Model):
    """At most one a run and usage event; rows are only ever inserted. Amounts are nano-USD."""

    run = models.CharField(max_length=80, help_text="Which repricing gave it.")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    event = models.ForeignKey(UsageEvent, on_delete=models.PROTECT, related_name="adjustments")
    # The credit that carries it, together with those of the run's other events of the organization.
    grant = models.ForeignKey(CreditGrant, on_delete=models.PROTECT, related_name="adjustments")
    # What the customer had paid for the event so far: the charge less earlier adjustments.
    charged = models.BigIntegerField()
    repriced = models.BigIntegerField()
    amount = models.BigIntegerField(help_text="Given back: charged - repriced.")
    # The right ones, pico-USD per token.
    input_price = models.BigIntegerField()
    cached_input_price = models.BigIntegerField()
    output_price = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "event"], name="one_adjustment_a_run_and_event"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, repriced__gte=0, charged=F("repriced") + F("amount")),
                name="adjustment_gives_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run}: event {self.event_id}"
