"""What is asked when a key is made or changed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.keys import GRACE_PERIODS, Restrictions
from accounts.models import ApiKey, Project
from accounts.roles import Scope
from catalog.prices import price_list
from dashboard.edits import EditForm
from dashboard.limit_fields import WithLimit

_EXPIRIES = (("30", _("In 30 days")), ("90", _("In 90 days")), ("365", _("In a year")), ("", _("Never")))


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


class RestrictionsForm(forms.Form):
    """Scopes, models, networks, pace and expiry of a key."""

    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=Scope.choices,
        initial=[Scope.CHAT],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one permission.")},
    )
    allowed_models = forms.MultipleChoiceField(
        label=_("Models"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: every model."),
    )
    requests_per_minute = forms.IntegerField(
        label=_("Requests per minute"),
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text=_("Empty: the plan's limit alone."),
    )
    allowed_networks = forms.CharField(
        label=_("Allowed addresses"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "203.0.113.0/24"}),
        help_text=_("Addresses or networks, one a line. Empty: everywhere."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [listed.model.name for listed in price_list()]
        models = self.fields["allowed_models"]
        assert isinstance(models, forms.MultipleChoiceField)
        models.choices = [(name, name) for name in dict.fromkeys([*names, *(self.initial.get("allowed_models") or [])])]

    def expiry(self) -> datetime | None:
        """When the key ends."""
        return None

    def restrictions(self) -> Restrictions:
        """What the form asks for."""
        data = self.cleaned_data
        return Restrictions(
            scopes=tuple(data["scopes"]),
            allowed_models=tuple(data["allowed_models"]) or None,
            allowed_networks=tuple(data["allowed_networks"].replace(",", " ").split()),
            requests_per_minute=data["requests_per_minute"],
            expires_at=self.expiry(),
        )


class CreateKeyForm(WithLimit, RestrictionsForm):
    """A new key in one of the person's projects."""

    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        help_text=_("What uses it, such as “production-web”."),
        error_messages={"required": _("Give the key a name.")},
    )
    project = forms.ChoiceField(label=_("Project"))
    owner = forms.ChoiceField(
        label=_("Owner"),
        choices=(("me", _("You")), ("project", _("The project"))),
        initial="me",
        help_text=_("A project's key stays when people leave."),
    )
    expires_in = forms.ChoiceField(label=_("Expires"), choices=_EXPIRIES, initial="90", required=False)
    expires_on = forms.DateField(
        label=_("Expires on a day of your choice"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("At the end of that day, UTC. It goes before the choice above."),
    )
    # A reload or a double click makes one key.
    token = forms.CharField(widget=forms.HiddenInput, max_length=64)
    field_order = ("name", "project", "owner", "expires_in", "scopes", "allowed_models", "requests_per_minute")

    def __init__(self, *args: Any, projects: list[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["project"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(project.public_id, project.name) for project in projects]

    def expiry(self) -> datetime | None:
        chosen, days = self.cleaned_data["expires_on"], self.cleaned_data["expires_in"]
        if chosen:
            return _end_of(chosen)
        return timezone.now() + timedelta(days=int(days)) if days else None


class ChangeKeyForm(EditForm, RestrictionsForm):
    """The restrictions of an existing key."""

    deeds = ("key.created", "key.restricted")

    expires_on = forms.DateField(
        label=_("Expires on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("At the end of that day, UTC. Empty: never."),
    )

    def __init__(self, *args: Any, api_key: ApiKey, **kwargs: Any) -> None:
        self._expires_at = api_key.expires_at
        kwargs["initial"] = {
            "scopes": api_key.scopes,
            "allowed_models": api_key.allowed_models or [],
            "allowed_networks": "\n".join(api_key.allowed_networks),
            "requests_per_minute": api_key.requests_per_minute,
            "expires_on": api_key.expires_at.astimezone(UTC).date() if api_key.expires_at else None,
        }
        super().__init__(*args, edited=api_key, **kwargs)

    def expiry(self) -> datetime | None:
        """The stored instant as long as its day is not changed."""
        chosen = self.cleaned_data["expires_on"]
        if chosen is None:
            return None
        if self._expires_at and self._expires_at.astimezone(UTC).date() == chosen:
            return self._expires_at
        return _end_of(chosen)


class RenameForm(EditForm):
    """Another name of a key."""

    name = forms.CharField(label=_("Name"), max_length=64, error_messages={"required": _("Give the key a name.")})
    deeds = ("key.created", "key.renamed")

    def __init__(self, *args: Any, api_key: ApiKey) -> None:
        super().__init__(*args, edited=api_key, initial={"name": api_key.name})


class RegenerateForm(forms.Form):
    """How long the old secret keeps working."""

    grace = forms.ChoiceField(
        label=_("The old secret stops"),
        choices=(("now", _("Now")), ("1h", _("In 1 hour")), ("24h", _("In 24 hours")), ("7d", _("In 7 days"))),
        initial="now",
    )
    token = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def period(self) -> timedelta:
        """The chosen grace period."""
        return GRACE_PERIODS[self.cleaned_data["grace"]]
