"""A request of a script that must take effect once, and what it was answered."""

from django.db import models
from django.utils import timezone

from accounts.models.organization import Organization


class IdempotentRequest(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    # `key:ID` or `user:ID`: whose request it was.
    credential = models.CharField(max_length=48)
    key = models.CharField(max_length=255, help_text="The client's Idempotency-Key.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.SmallIntegerField(default=0)
    # The body as JSON text, without the secret that it carried.
    answer = models.JSONField(default=dict)
    # Opens only with the credential's secret and the Idempotency-Key together; emptied after ten minutes.
    sealed = models.TextField(blank=True)
    had_secret = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "credential", "key"], name="one_effect_an_idempotency_key"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_by_age")]

    def __str__(self) -> str:
        return self.key
