"""What the Settings pages ask: names and time zones."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import organizations, people, time_zones
from accounts.models import Organization
from dashboard.edits import EditForm
from foundation import shown_numbers


def _offset(name: str, now: datetime) -> str:
    """How far the zone is from UTC now: UTC+5:30."""
    minutes = int((now.astimezone(ZoneInfo(name)).utcoffset() or now - now).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes >= 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"


def _zone_choices(current: str) -> list[tuple[str, Any]]:
    """Zones by region, as places with their offset; the present one even when it is an old name."""
    now = timezone.now()
    groups: list[tuple[str, Any]] = [("UTC", "UTC")]
    offered = {"UTC"}
    for region, names in time_zones.by_region().items():
        offered.update(names)
        places = [
            (name, f"{name.partition('/')[2].replace('_', ' ').replace('/', ', ')} ({_offset(name, now)})")
            for name in names
        ]
        groups.append((region, places))
    if current not in offered and current in time_zones.known():
        groups.insert(0, (current, current))
    return groups


class _ZoneForm(forms.Form):
    time_zone = forms.ChoiceField(
        label=_("Time zone"), error_messages={"invalid_choice": _("Choose a time zone of the list.")}
    )

    def __init__(self, *args: Any, current: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = self.fields["time_zone"]
        assert isinstance(zone, forms.ChoiceField)
        zone.choices = _zone_choices(current)


class ProfileForm(_ZoneForm):
    """Who the person is to others, and how times are shown to them."""

    name = forms.CharField(
        label=pgettext_lazy("of a person", "Name"),
        max_length=people.MOST_CHARACTERS,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=_("Members of your organizations see it. Empty: your e-mail address instead."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("The browser’s")), *settings.LANGUAGES],
        help_text=_("Of pages and mails. The API, exports and their column names are in English."),
    )
    number_format = forms.ChoiceField(
        label=_("Numbers"),
        required=False,
        choices=[(name, shown_numbers.example("1,234,567.89", name)) for name in shown_numbers.FORMATS],
        help_text=_("On pages. Write amounts in forms as 1234.56; the API and exports do so too."),
    )
    streams_answers = forms.BooleanField(label=_("Playground: stream the answer"), required=False)
    announces_answers = forms.BooleanField(
        label=_("Playground: tell screen readers when an answer starts and ends"), required=False
    )
    uses_shortcuts = forms.BooleanField(label=_("Playground: Esc stops the answer"), required=False)
    field_order = ("name", "language", "time_zone", "number_format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].help_text = _(
            "Of timestamps on pages. Days and months follow the organization’s zone."
        )


class OrganizationForm(EditForm, _ZoneForm):
    """What the organization is called, and when its days begin."""

    name = forms.CharField(
        label=_("Name"),
        max_length=organizations.MOST_CHARACTERS,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        error_messages={"required": _("Give the organization a name.")},
    )
    field_order = ("name", "time_zone")
    deeds = ("organization.created", "organization.changed")

    def __init__(self, *args: Any, organization: Organization) -> None:
        zone = organization.time_zone
        initial = {"name": organization.name, "time_zone": zone}
        super().__init__(*args, edited=organization, current=zone, initial=initial)
        self.fields["time_zone"].help_text = _(
            "Days, months, limits and invoices begin at its midnight. A change regroups past usage; no amount changes."
        )


class AccessForm(EditForm):
    """Who may join the organization, and how its members log in."""

    allowed_domains = forms.CharField(
        label=_("Who may join"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "example.com", "spellcheck": "false"}),
        help_text=_(
            "Domains of e-mail addresses, one a line. Empty: everybody who is invited. Who is a member already stays."
        ),
    )
    requires_two_factor = forms.BooleanField(label=_("Members need two-factor log-in"), required=False)
    deeds = ("organization.access_changed",)

    def __init__(self, *args: Any, organization: Organization) -> None:
        initial = {
            "allowed_domains": "\n".join(organization.allowed_domains),
            "requires_two_factor": organization.requires_two_factor,
        }
        super().__init__(*args, edited=organization, initial=initial)

    @property
    def domains(self) -> list[str]:
        """What was typed, one by one."""
        return str(self.cleaned_data["allowed_domains"]).replace(",", " ").split()
