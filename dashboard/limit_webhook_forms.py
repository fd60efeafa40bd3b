"""What is asked about webhook endpoints."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import EventType, WebhookEndpoint
from billing.webhooks import LONGEST_DESCRIPTION, OVERLAPS
from dashboard.edits import EditForm
from foundation.egress import LONGEST_URL

_OVERLAP_WORDS = {
    "now": _("Now"),
    "1h": _("In 1 hour"),
    "24h": _("In 24 hours"),
    "7d": _("In 7 days"),
}


class EndpointForm(forms.Form):
    """Where to tell, and what."""

    url = forms.CharField(
        label=_("URL"),
        max_length=LONGEST_URL,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Messages are sent there as a signed POST."),
        error_messages={"required": _("Give the address, such as https://example.com/hooks.")},
    )
    types = forms.MultipleChoiceField(
        label=_("Messages"),
        choices=EventType.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: all of them, and those that come later."),
    )
    description = forms.CharField(label=_("Description"), required=False, max_length=LONGEST_DESCRIPTION)


class ChangeEndpointForm(EditForm, EndpointForm):
    """Where an endpoint is, and what it is told, from now on."""

    deeds = ("webhook.created", "webhook.changed")

    def __init__(self, *args: Any, endpoint: WebhookEndpoint) -> None:
        initial = {"url": endpoint.url, "types": endpoint.types, "description": endpoint.description}
        super().__init__(*args, edited=endpoint, initial=initial)


class AddEndpointForm(EndpointForm):
    """A reload or a double click makes one endpoint."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=64)


class RotateForm(forms.Form):
    """How long the old secret signs beside the new one."""

    overlap = forms.ChoiceField(label=_("The old secret stops"), choices=tuple(_OVERLAP_WORDS.items()), initial="24h")
    # A reload or a double click rotates once: a second time would end the secret that the receiver still has.
    token = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def length(self) -> timedelta:
        """The chosen overlap."""
        return OVERLAPS[self.cleaned_data["overlap"]]
