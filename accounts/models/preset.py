"""What somebody saved in the playground to start from again: a model, parameters, a system prompt, first messages."""

from functools import partial

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.organization import Organization
from accounts.models.project import Project
from foundation.ids import public_id


class Preset(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "pre"), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="presets")
    # Either everybody in the project sees it, or its owner alone.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="presets", null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presets", null=True, blank=True
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    # A model's name as a value: accounts does not know the catalog, and models retire.
    model = models.CharField(max_length=100)
    # Parameters by name, and the system prompt; only what differs from the playground's defaults.
    parameters = models.JSONField(default=dict, blank=True)
    # [{"role": "user" or "assistant", "content": text}]
    messages = models.JSONField(default=list, blank=True)
    # Rises with every change, so that nobody overwrites what they have not seen.
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(project=None, owner__isnull=False) | models.Q(project__isnull=False, owner=None),
                name="preset_of_a_project_or_a_person",
            ),
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(deleted_at=None), name="preset_name_unique_in_project"
            ),
            models.UniqueConstraint(
                fields=["organization", "owner", "name"],
                condition=models.Q(deleted_at=None),
                name="preset_name_unique_for_person",
            ),
        ]

    def __str__(self) -> str:
        return self.name
