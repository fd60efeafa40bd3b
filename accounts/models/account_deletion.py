"""An account that its person wants to be deleted."""

from django.conf import settings
from django.db import models

from accounts.models.api_key import ApiKey
from accounts.models.organization import Organization


class AccountDeletion(models.Model):
    """Asked for, and not yet carried out: until `ends_at` the person can keep the account."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deletion")
    asked_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    # What was stopped when it was asked for, and comes back when the account is kept.
    suspended = models.ManyToManyField(Organization, blank=True, related_name="+")
    disabled = models.ManyToManyField(ApiKey, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.user} on {self.ends_at:%Y-%m-%d}"
