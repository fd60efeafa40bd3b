"""What is asked about scheduled exports."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import ExportContent, ExportFormat, ScheduledExport
from dashboard.edits import EditForm
from foundation.egress import LONGEST_URL

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


def _text(label: Any, longest: int, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, widget=forms.TextInput(attrs=_PLAIN), **options)


def _contents() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=_("Contents"),
        choices=ExportContent.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )


def _secret() -> forms.CharField:
    return forms.CharField(
        label=_("Secret access key"),
        max_length=500,
        widget=forms.PasswordInput(attrs=_PLAIN | {"autocomplete": "new-password"}),
        help_text=_("Kept encrypted, and never shown again."),
    )


def _day(label: Any, help_text: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=help_text,
        error_messages={"invalid": _("Write a day such as 2026-11-30.")},
    )


class AddExportForm(forms.Form):
    """What goes where. A reload or a double click makes one export."""

    contents = _contents()
    format = forms.ChoiceField(label=_("Format"), choices=ExportFormat.choices, initial=ExportFormat.CSV)
    bucket = _text(_("Bucket"), 63, error_messages={"required": _("Give the name of the bucket.")})
    region = _text(_("Region"), 40, initial="us-east-1")
    endpoint = _text(
        _("Endpoint"),
        LONGEST_URL,
        required=False,
        help_text=_("Such as https://s3.example.com. Empty: Amazon’s of the region."),
    )
    prefix = _text(  # type: ignore[assignment]
        _("Prefix"), 200, required=False, help_text=_("What the names of the files begin with, such as meterhouse/.")
    )
    access_key_id = _text(
        _("Access key ID"), 128, help_text=_("Of a key that may write into this bucket, and nothing else.")
    )
    secret_access_key = _secret()
    first_day = _day(_("First day"), _("Days that are over already are written at once. Empty: today is the first."))
    token = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, data: Any = None, *, token: str = "") -> None:
        super().__init__(data, initial={"contents": ExportContent.values, "token": token})


class ChangeExportForm(EditForm):
    """What is written from now on."""

    contents = _contents()
    deeds = ("export.created", "export.changed")

    def __init__(self, data: Any = None, *, export: ScheduledExport) -> None:
        super().__init__(data, edited=export, initial={"contents": export.contents})


class ExportKeyForm(forms.Form):
    """Who writes into the bucket from now on."""

    access_key_id = _text(_("Access key ID"), 128)
    secret_access_key = _secret()

    def __init__(self, data: Any = None, *, export: ScheduledExport) -> None:
        super().__init__(data, initial={"access_key_id": export.access_key_id})


class RunExportForm(forms.Form):
    """Which day is written again."""

    day = _day(_("Day"), _("Of the organization’s time zone."))

    def __init__(self, data: Any = None, *, newest: date) -> None:
        super().__init__(data, initial={"day": newest})
        self.fields["day"].widget.attrs["max"] = newest.isoformat()
