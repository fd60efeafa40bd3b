"""Where an organization wants to be told, by a signed POST."""

from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from foundation.egress import LONGEST_URL
from foundation.ids import public_id


class EventType(models.TextChoices):
    """What an endpoint may ask for."""

    LIMIT_THRESHOLD_REACHED = "limit.threshold_reached", _("A part of a limit is used")
    LIMIT_REACHED = "limit.reached", _("A limit is reached")
    BALANCE_LOW = "balance.low", _("Little credit is left")
    KEY_CREATED = "key.created", _("An API key was created")
    KEY_REGENERATED = "key.regenerated", _("An API key got a new secret")
    KEY_REVOKED = "key.revoked", _("An API key was revoked")
    PROVIDER_DOWN = "provider.down", _("A model's provider does not answer")
    PROVIDER_UP = "provider.up", _("A model's provider answers again")
    WEBHOOK_DISABLED = "webhook.disabled", _("A webhook endpoint was switched off")


class DisabledReason(models.TextChoices):
    PERSON = "person", "Switched off by a member"
    GONE = "gone", "It answered 410 Gone"
    FAILING = "failing", "It failed for five days"


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def not_removed(self) -> "WebhookEndpointQuerySet":
        return self.filter(removed_at=None)

    def enabled(self) -> "WebhookEndpointQuerySet":
        return self.filter(removed_at=None, disabled_at=None)


class WebhookEndpoint(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "we"), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=LONGEST_URL)
    description = models.CharField(max_length=200, blank=True)
    # Of EventType; empty: all, also those that come later.
    types = models.JSONField(default=list, blank=True)
    # Encrypted with ENCRYPTION_KEY; signing needs them in the clear. The previous one signs beside it until it ends.
    sealed = models.CharField(max_length=255)
    previous_sealed = models.CharField(max_length=255, blank=True)
    previous_ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason.choices, blank=True)
    # The first failure since the last success.
    failing_since = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.description or self.shown_url[:80]

    @property
    def shown_url(self) -> str:
        """Without the query, which may carry a receiver's password: for logs, mails and the audit trail."""
        return self.url.partition("?")[0]

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None and self.removed_at is None

    @property
    def seal_context(self) -> str:
        """What its secrets are bound to."""
        return f"webhook:{self.public_id}"

    def wants(self, type_: str) -> bool:
        """Whether it asked for messages of this type."""
        return not self.types or type_ in self.types

    def previous_signs(self, now: datetime) -> bool:
        """Whether a rotation is under way."""
        return bool(self.previous_sealed) and self.previous_ends_at is not None and self.previous_ends_at > now
