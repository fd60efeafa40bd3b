"""What was refused: counted a minute, the newest kept in full. A refusal costs nothing and is no usage."""

from django.db import models

from accounts.models import ApiKey, Organization, Project


class RefusalCount(models.Model):
    """Refusals of one minute; `minute` is its UTC start."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.CharField(max_length=100)
    code = models.CharField(max_length=40, help_text="The error code of the answer.")
    minute = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        ordering = ["-minute"]
        indexes = [models.Index(fields=["organization", "minute"], name="refusals_by_organization")]
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "minute", "code", "model", "project", "organization"], name="one_refusal_count"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} x {self.code}"


class RefusedRequest(models.Model):
    """One of the newest refusals of a key."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="refused_requests", db_index=False)
    request_id = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    code = models.CharField(max_length=40)
    message = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["api_key", "id"], name="refused_by_key")]

    def __str__(self) -> str:
        return f"{self.code} {self.request_id}"
