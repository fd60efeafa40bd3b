"""What is asked when somebody is invited, joins, gets another role or becomes the owner."""

import re
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts import invitations, people
from accounts.models import Membership, Project, User
from accounts.roles import Role
from dashboard.account_forms import new_password

MOST_AT_ONCE = 20
_ABOUT = {
    Role.OWNER: _("Everything, also making and removing owners."),
    Role.ADMIN: _("Everything but owners: members, projects, keys, limits, settings."),
    Role.DEVELOPER: _("Own keys, the keys and the usage of their projects, the playground."),
    Role.BILLING: _("Usage and money, no keys."),
    Role.VIEWER: _("Looks at usage and keys, without secrets and money; changes nothing."),
}


def _role_label(role: Role, stops: int = 0) -> SafeString:
    """The role, what it may do, and how many own keys of the person stop with it."""
    warning = ""
    if stops:
        warning = ngettext("%(n)d key of their own stops.", "%(n)d keys of their own stop.", stops) % {"n": stops}
    return format_html(
        '<strong>{}</strong><span class="about">{} <span class="warns">{}</span></span>',
        role.label,
        _ABOUT[role],
        warning,
    )


def _owner_last(roles: list[Role]) -> list[Role]:
    """The most powerful role is not the first to be clicked."""
    return sorted(roles, key=lambda role: role == Role.OWNER)


class InviteForm(forms.Form):
    """Several addresses, one role."""

    emails = forms.CharField(
        label=_("E-mail addresses"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Several at once: one a line, or with commas between them."),
        error_messages={"required": _("Enter at least one address.")},
    )
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect, initial=Role.DEVELOPER)
    projects = forms.MultipleChoiceField(
        label=_("Projects of a developer"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A developer works only in these; you can change it later. Other roles reach every project."),
    )

    def __init__(self, *args: Any, roles: list[Role], projects: list[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._projects = {project.public_id: project for project in projects}
        role, chosen = self.fields["role"], self.fields["projects"]
        assert isinstance(role, forms.ChoiceField)
        assert isinstance(chosen, forms.MultipleChoiceField)
        role.choices = [(one.value, _role_label(one)) for one in _owner_last(roles)]
        chosen.choices = [(key, project.name) for key, project in self._projects.items()]
        if not projects:
            del self.fields["projects"]

    def clean_emails(self) -> list[str]:
        """Addresses in normal form, each once; every wrong one is named."""
        found: list[str] = []
        wrong: list[str] = []
        for word in re.split(r"[\s,;]+", self.cleaned_data["emails"].strip(" ,;\n")):
            try:
                found.append(invitations.normal(word))
            except ValidationError as error:
                wrong += error.messages
        if wrong:
            raise ValidationError(wrong)
        found = list(dict.fromkeys(found))
        if len(found) > MOST_AT_ONCE:
            raise ValidationError(gettext("At most %(n)d addresses at once.") % {"n": MOST_AT_ONCE})
        return found

    def chosen_projects(self) -> list[Project]:
        """Where a developer will work."""
        return [self._projects[key] for key in self.cleaned_data.get("projects", [])]


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(
        label=_("Role"), widget=forms.RadioSelect, error_messages={"required": _("Choose a role.")}
    )

    def __init__(self, *args: Any, roles: list[Role], stops: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        role.choices = [(one.value, _role_label(one, stops.get(one, 0))) for one in _owner_last(roles)]


class TransferForm(forms.Form):
    """Who will own the organization."""

    member = forms.ChoiceField(label=_("New owner"), error_messages={"required": _("Choose somebody.")})

    def __init__(self, *args: Any, people: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {one.user.public_id: one for one in people}
        chosen = self.fields["member"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [("", _("Choose…"))] + [
            (key, f"{one.user.name} ({one.user.email})" if one.user.name else one.user.email)
            for key, one in self.people.items()
        ]


class JoinForm(forms.Form):
    """A new account for somebody who was invited; the address stands in the invitation."""

    name = forms.CharField(
        label=pgettext_lazy("of a person", "Name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", **new_password()}),
        help_text=_("At least 10 characters, and none of the common passwords."),
    )
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-time-zone": ""}))

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email

    def clean_name(self) -> str:
        """On one line, with nothing in it that cannot be seen."""
        name = " ".join(self.cleaned_data["name"].split())
        if wrong := people.wrong_name(name):
            raise ValidationError(wrong)
        return name

    def clean_time_zone(self) -> str:
        """A zone that exists; anything else is UTC."""
        zone = self.cleaned_data["time_zone"]
        return zone if zone in available_timezones() else "UTC"

    def clean_password(self) -> str:
        """A password that the rules allow for this person."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self._email, name=self.cleaned_data.get("name", "")))
        return password
