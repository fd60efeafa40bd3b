"""A credential. The key keeps its id; its secrets come and go."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.organization import Organization
from accounts.models.project import Project
from foundation.ids import public_id

EXPIRES_SOON = timedelta(days=14)
STATUSES = ("active", "expires_soon", "expired", "disabled", "revoked")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible(self) -> "ApiKeyQuerySet":
        """Keys that people manage: not a project's built-in playground key."""
        return self.filter(is_playground=False)

    def not_revoked(self) -> "ApiKeyQuerySet":
        return self.filter(revoked_at=None)

    def with_status(self, statuses: Collection[str], now: datetime | None = None) -> "ApiKeyQuerySet":
        """Keys whose `status()` is one of these."""
        now = now or timezone.now()
        alive = models.Q(revoked_at=None)
        enabled = alive & models.Q(disabled_at=None)
        ends_soon = models.Q(expires_at__gt=now, expires_at__lte=now + EXPIRES_SOON)
        ends_late = models.Q(expires_at=None) | models.Q(expires_at__gt=now + EXPIRES_SOON)
        conditions = {
            "revoked": ~alive,
            "disabled": alive & models.Q(disabled_at__isnull=False),
            "expired": enabled & models.Q(expires_at__lte=now),
            "expires_soon": enabled & ends_soon,
            "active": enabled & ends_late,
        }
        wanted = models.Q(pk__in=[])
        for status in statuses:
            wanted |= conditions[status]
        return self.filter(wanted)


class ApiKey(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "key"), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    # None: owned by the project, so that it survives a person's leaving.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="api_keys"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=64)
    is_playground = models.BooleanField(default=False, editable=False)
    # Values, not foreign keys: models belong to a room further right.
    scopes = models.JSONField(default=list)
    allowed_models = models.JSONField(null=True, blank=True, help_text="Public model names; empty means every model.")
    allowed_networks = models.JSONField(default=list, blank=True, help_text="CIDR texts; empty means every address.")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "-created_at"], name="api_key_by_organization")]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(revoked_at=None), name="live_key_name_unique"
            ),
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(is_playground=True), name="one_playground_key_a_project"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def status(self, now: datetime | None = None) -> str:
        """One of STATUSES."""
        now = now or timezone.now()
        if self.revoked_at:
            return "revoked"
        if self.disabled_at:
            return "disabled"
        if self.expires_at and self.expires_at <= now:
            return "expired"
        if self.expires_at and self.expires_at <= now + EXPIRES_SOON:
            return "expires_soon"
        return "active"

    def current_secret(self) -> "ApiKeySecret | None":
        return next((secret for secret in self.secrets.all() if secret.ends_at is None), None)

    def retiring_secret(self, now: datetime | None = None) -> "ApiKeySecret | None":
        """The old secret that still works during a regeneration's grace period."""
        now = now or timezone.now()
        return next((secret for secret in self.secrets.all() if secret.ends_at and secret.ends_at > now), None)

    @property
    def hint(self) -> str:
        secret = self.current_secret()
        return f"sk-…{secret.last_four}" if secret else ""


class ApiKeySecret(models.Model):
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="secrets")
    fingerprint = models.CharField(max_length=64, unique=True, help_text="Keyed hash, hexadecimal.")
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now)
    # None: current. A time to come: the grace period after a regeneration. A past time: refused.
    ends_at = models.DateTimeField(null=True, blank=True)
    # The last call with it, metered or not, to the minute, and where that came from.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_address = models.CharField(max_length=64, blank=True, editable=False)
    sealed = models.TextField(blank=True, help_text="Encrypted secret, only where the organization allows revealing.")

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["api_key"], condition=models.Q(ends_at=None), name="one_current_secret_a_key"
            ),
        ]

    def __str__(self) -> str:
        return f"sk-…{self.last_four}"
