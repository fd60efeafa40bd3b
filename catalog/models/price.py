"""What a token costs, from when on, and for whom. The next row ends a price, so overlaps cannot be stored."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Organization
from catalog.models.language_model import LanguageModel
from catalog.models.plan import Plan


class TokenClass(models.TextChoices):
    INPUT = "input", "Input"
    CACHED_INPUT = "cached_input", "Cached input"
    OUTPUT = "output", "Output"


class PriceScope(models.TextChoices):
    EVERYBODY = "everybody", "Everybody"
    PLAN = "plan", "A plan"
    ORGANIZATION = "organization", "One organization"


class Price(models.Model):
    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="prices")
    token_class = models.CharField(max_length=12, choices=TokenClass.choices)
    scope = models.CharField(max_length=12, choices=PriceScope.choices, default=PriceScope.EVERYBODY)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="prices")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="prices"
    )
    unit_price = models.BigIntegerField(help_text="pico-USD per token = micro-USD per 1M tokens: $0.27 is 270000.")
    effective_from = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["model", "token_class", "-effective_from", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "token_class", "effective_from"],
                condition=models.Q(scope="everybody"),
                name="one_price_for_everybody_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["model", "token_class", "plan", "effective_from"],
                condition=models.Q(scope="plan"),
                name="one_price_a_plan_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["model", "token_class", "organization", "effective_from"],
                condition=models.Q(scope="organization"),
                name="one_price_an_organization_at_a_time",
            ),
            models.CheckConstraint(condition=models.Q(unit_price__gte=0), name="price_not_negative"),
            models.CheckConstraint(
                condition=models.Q(scope="everybody", plan=None, organization=None)
                | models.Q(scope="plan", plan__isnull=False, organization=None)
                | models.Q(scope="organization", plan=None, organization__isnull=False),
                name="price_scope_names_its_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.token_class} from {self.effective_from:%Y-%m-%d}"
