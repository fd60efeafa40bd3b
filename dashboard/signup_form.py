"""What sign-up asks besides e-mail and password."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import organizations, people


class SignupForm(forms.Form):
    """Base of allauth's sign-up form; the zone is filled in by the browser."""

    name = forms.CharField(
        label=pgettext_lazy("of a person", "Name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        required=False,
    )
    organization = forms.CharField(
        label=_("Organization"),
        max_length=100,
        required=False,
        help_text=_("Your team or company. You can leave it empty."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-time-zone": ""}))
    field_order = ("name", "email", "organization", "password1")

    def clean_name(self) -> str:
        """On one line, with nothing in it that cannot be seen."""
        name = " ".join(self.cleaned_data["name"].split())
        if wrong := people.wrong_name(name):
            raise ValidationError(wrong)
        return name

    def clean_organization(self) -> str:
        """The same; empty, the house names it."""
        name = " ".join(self.cleaned_data["organization"].split())
        if name and (wrong := organizations.wrong_name(name)):
            raise ValidationError(wrong)
        return name

    def clean_time_zone(self) -> str:
        """A zone that exists; anything else is UTC."""
        zone = self.cleaned_data["time_zone"]
        return zone if zone in available_timezones() else "UTC"

    def signup(self, request: HttpRequest, user: Any) -> None:
        """allauth asks for this verb; the adapter has done the work."""
