"""What is asked on the Billing page."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RedeemForm(forms.Form):
    """A code, as it was typed."""

    code = forms.CharField(
        label=pgettext_lazy("for credit", "Code"),
        max_length=100,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "XXXX-XXXX-XXXX-XXXX-XXXX"}
        ),
        help_text=_("Five groups of four letters and digits. Case and hyphens do not matter."),
        error_messages={"required": _("Type or paste the code.")},
    )
