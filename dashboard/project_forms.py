"""What is asked when a project is made, renamed or gets another member."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Project
from accounts.projects import MOST_CHARACTERS
from dashboard.edits import EditForm
from dashboard.limit_fields import WithLimit


class ProjectForm(forms.Form):
    """The name of a new or existing project."""

    name = forms.CharField(
        label=_("Name"),
        max_length=MOST_CHARACTERS,
        help_text=_("A product, a team or an environment, such as “Storefront”."),
        error_messages={"required": _("Give the project a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class RenameProjectForm(EditForm, ProjectForm):
    """Another name of a project."""

    deeds = ("project.created", "project.renamed")

    def __init__(self, *args: Any, project: Project) -> None:
        super().__init__(*args, edited=project, initial={"name": project.name})


class CreateProjectForm(WithLimit, ProjectForm):
    """A new project, and what it may spend."""

    field_order = ("name", "spending_limit", "limit_window")


class AddMemberForm(forms.Form):
    """Somebody of the organization who does not work in the project yet."""

    member = forms.ChoiceField(
        label=_("Add a developer"),
        error_messages={
            "required": _("Choose somebody."),
            "invalid_choice": _("This person is in the project already, or no longer in the organization."),
        },
    )

    def __init__(self, *args: Any, people: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {one.user.public_id: one.user for one in people}
        chosen = self.fields["member"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [("", _("Choose…"))] + [
            (one.user.public_id, f"{one.user.name} ({one.user.email})" if one.user.name else one.user.email)
            for one in people
        ]
