"""How a provider answers, as every process of the gateway saw it."""

from django.db import models

from catalog.models import Provider


class ProviderHealth(models.Model):
    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="health")
    answered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # Since the last answer: how many failures, and the first of them.
    failed_in_a_row = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    failure = models.CharField(
        max_length=32, blank=True, help_text="The newest: unreachable, broke off, unusable, or the status it gave."
    )
    # While it counts as down, since when, as was told; null: it does not.
    down_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "provider health"

    def __str__(self) -> str:
        return f"{self.provider}: {'down' if self.down_since else 'up'}"
