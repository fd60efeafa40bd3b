"""What an organization may use: requests a minute and recurring credit."""

from django.db import models


class Plan(models.Model):
    code = models.SlugField(max_length=32, unique=True)
    name = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    requests_per_minute = models.PositiveIntegerField(help_text="All keys of an organization together.")
    monthly_credit = models.BigIntegerField(default=0, help_text="nano-USD granted at each start of a month.")
    by_agreement = models.BooleanField(default=False, help_text="Limits and prices are agreed per organization.")
    is_default = models.BooleanField(default=False, help_text="The plan of a new organization.")
    position = models.PositiveIntegerField(default=100)

    class Meta:
        ordering = ["position", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_plan"
            ),
            models.CheckConstraint(condition=models.Q(monthly_credit__gte=0), name="monthly_credit_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name
