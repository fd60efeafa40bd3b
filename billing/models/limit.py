"""What an organization, a project or a key may spend, use or ask, and how much of it is gone."""

from functools import partial

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import ApiKey, Organization, Project
from foundation.ids import public_id
from foundation.periods import Period


class Measure(models.TextChoices):
    USD = "usd", "Spending"
    TOKENS = "tokens", "Tokens"
    REQUESTS = "requests", "Requests"


class Window(models.TextChoices):
    DAY = Period.DAY, "Day"
    WEEK = Period.WEEK, "Week"
    MONTH = Period.MONTH, "Month"
    LIFETIME = Period.LIFETIME, "Lifetime"


def default_thresholds() -> list[int]:
    """Percent of the amount at which people are told."""
    return [50, 80, 100]


class SpendingLimit(models.Model):
    """At most `amount` in each window; on the key, else on the project, else on the organization.

    A hard limit refuses what does not fit; a soft one only tells.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "lim"), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="spending_limits")
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="spending_limits"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, blank=True, related_name="spending_limits")
    measure = models.CharField(max_length=8, choices=Measure.choices, default=Measure.USD)
    amount = models.BigIntegerField(help_text="nano-USD, tokens or requests")
    window = models.CharField(max_length=8, choices=Window.choices, default=Window.MONTH)
    is_hard = models.BooleanField(default=True)
    thresholds = models.JSONField(default=default_thresholds)
    # Counts the changes of amount, hardness and thresholds: a changed limit may alert again.
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="limit_not_negative"),
            models.CheckConstraint(condition=Q(project=None) | Q(api_key=None), name="limit_on_one_thing"),
            models.UniqueConstraint(
                fields=["organization", "measure", "window"],
                condition=Q(project=None, api_key=None, removed_at=None),
                name="one_limit_an_organization",
            ),
            models.UniqueConstraint(
                fields=["project", "measure", "window"],
                condition=Q(project__isnull=False, removed_at=None),
                name="one_limit_a_project",
            ),
            models.UniqueConstraint(
                fields=["api_key", "measure", "window"],
                condition=Q(api_key__isnull=False, removed_at=None),
                name="one_limit_a_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_measure_display()} a {self.window} of {self.subject}"

    @property
    def scope(self) -> str:
        """key, project or organization."""
        return "key" if self.api_key_id else "project" if self.project_id else "organization"

    @property
    def subject(self) -> ApiKey | Project | Organization:
        """What the limit is on."""
        return self.api_key or self.project or self.organization


class SpendingWindow(models.Model):
    """One period of a limit, made when the first request of the period arrives. All amounts in the limit's measure."""

    limit = models.ForeignKey(SpendingLimit, on_delete=models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="Empty: a lifetime window.")
    # What had been used in the period before the limit was set; part of `settled`.
    opening = models.BigIntegerField(default=0)
    settled = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    # The limit's amount, copied so that one statement checks and takes; null: soft.
    cap = models.BigIntegerField(null=True)
    # The cap, or what was already used when the cap was lowered under it.
    ceiling = models.BigIntegerField(null=True)
    # The settled amount at which the next threshold is reached; null: none is left.
    next_alert = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["limit", "starts_at"], name="one_window_a_period"),
            models.CheckConstraint(condition=Q(settled__gte=0, held__gte=0), name="window_use_not_negative"),
            models.CheckConstraint(
                condition=Q(ceiling=None) | Q(ceiling__gte=F("settled") + F("held")), name="window_never_overshot"
            ),
        ]

    def __str__(self) -> str:
        return f"window of limit {self.limit_id} from {self.starts_at:%Y-%m-%d}"
