"""An upstream that serves models, and which model it serves under which name."""

from django.db import models
from django.utils import timezone

from catalog.models.language_model import LanguageModel


class Provider(models.Model):
    name = models.CharField(max_length=64, unique=True)
    # No URLField: it refuses hosts without a dot, such as http://ollama:11434/v1.
    base_url = models.CharField(max_length=300, help_text="OpenAI-compatible, with /v1: https://host/v1")
    sealed_secret = models.TextField(blank=True, editable=False, help_text="The provider's key, encrypted at rest.")
    is_demo = models.BooleanField(default=False, editable=False, help_text="The built-in demo provider.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="routes")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="routes")
    upstream_model = models.CharField(max_length=200, help_text="The provider's own name of the model.")
    position = models.PositiveIntegerField(default=100, help_text="Lower is tried first.")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["model", "provider"], name="one_route_a_model_and_provider")]

    def __str__(self) -> str:
        return f"{self.model} at {self.provider}"
