"""A model as customers see it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

PARAMETERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "stop")


def check_parameters(names: Any) -> None:
    """A list of parameters that a model may ignore; raises ValidationError."""
    if not isinstance(names, list) or not set(map(str, names)) <= set(PARAMETERS):
        raise ValidationError(_("Write a list of names among: %(names)s.") % {"names": ", ".join(PARAMETERS)})


class LanguageModel(models.Model):
    name = models.CharField(max_length=100, unique=True, help_text="Public name, matched exactly.")
    description = models.CharField(max_length=300, blank=True)
    owned_by = models.CharField(max_length=100, default="meterhouse")
    context_length = models.PositiveIntegerField(help_text="Tokens of input and output together.")
    max_output = models.PositiveIntegerField(help_text="Tokens.")
    vocabulary = models.CharField(
        max_length=20,
        blank=True,
        choices=[("deepseek", "DeepSeek")],
        help_text="Empty: unknown; then UTF-8 bytes bound the input.",
    )
    ignored_parameters = models.JSONField(
        default=list,
        blank=True,
        validators=[check_parameters],
        help_text='Parameters it does not heed, such as ["temperature"]: the playground says so and leaves them out.',
    )
    takes_reasoning_effort = models.BooleanField(
        default=False, help_text="The playground offers reasoning_effort: low, medium or high."
    )
    position = models.PositiveIntegerField(default=100)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(context_length__gte=1), name="context_is_positive"),
            models.CheckConstraint(condition=models.Q(max_output__gte=1), name="max_output_is_positive"),
        ]

    def __str__(self) -> str:
        return self.name
