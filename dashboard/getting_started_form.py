"""The first key: its name and project; the rest is what most keys have."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.keys import Restrictions
from accounts.models import Project
from accounts.roles import Scope

DAYS = 90


class FirstKeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        initial="my-first-key",
        error_messages={"required": _("Give the key a name.")},
    )
    project = forms.ChoiceField(label=_("Project"))
    # A reload or a double click makes one key.
    token = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, projects: list[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["project"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(project.public_id, project.name) for project in projects]
        if len(projects) == 1:
            chosen.widget = forms.HiddenInput()
            chosen.initial = projects[0].public_id

    def restrictions(self) -> Restrictions:
        """It chats, with every model, for ninety days."""
        return Restrictions(scopes=(Scope.CHAT,), expires_at=timezone.now() + timedelta(days=DAYS))
