"""A model as customers see it."""

from datetime import datetime
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# What a model can do beyond text; reasoning is told by takes_reasoning_effort.
FEATURES = {"tools": _("Tools"), "json": _("JSON mode"), "reasoning": _("Reasoning")}
PARAMETERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "stop")


def check_parameters(names: Any) -> None:
    """A list of parameters that a model may ignore; raises ValidationError."""
    if not isinstance(names, list) or not set(map(str, names)) <= set(PARAMETERS):
        raise ValidationError(_("Write a list of names among: %(names)s.") % {"names": ", ".join(PARAMETERS)})


def check_features(names: Any) -> None:
    """A list of things that an operator may say of a model; raises ValidationError."""
    if not isinstance(names, list) or not set(map(str, names)) <= {"tools", "json"}:
        raise ValidationError(_("Write a list of names among: %(names)s.") % {"names": "tools, json"})


class LanguageModels(models.QuerySet["LanguageModel"]):
    def on_sale(self, at: datetime | None = None) -> Self:
        """Models that are answered at the instant; those that will be retired are."""
        return self.filter(models.Q(retired_at=None) | models.Q(retired_at__gt=at or timezone.now()))


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
    features = models.JSONField(
        default=list,
        blank=True,
        validators=[check_features],
        help_text='What it can do, such as ["tools", "json"]: shown on the models page.',
    )
    position = models.PositiveIntegerField(default=100)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on it is refused; a time to come is announced on the models page."
    )
    successor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="What to use instead."
    )

    objects = LanguageModels.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(context_length__gte=1), name="context_is_positive"),
            models.CheckConstraint(condition=models.Q(max_output__gte=1), name="max_output_is_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_features(self) -> list[str]:
        """The names of FEATURES that it has, in that order."""
        has = {*self.features, *(["reasoning"] if self.takes_reasoning_effort else [])}
        return [name for name in FEATURES if name in has]
