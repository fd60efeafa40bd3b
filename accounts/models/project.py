"""A part of an organization with keys, people and usage of its own."""

from functools import partial

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.organization import Organization
from foundation.ids import public_id


class Project(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "proj"), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)
    # Gone from every list for good; the row stays, because usage and the ledger speak of it.
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], condition=models.Q(deleted_at=None), name="live_project_name_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(deleted_at=None) | models.Q(archived_at__isnull=False),
                name="deleted_project_is_archived",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProjectMembership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="project_memberships")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_project_membership_a_user")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"
