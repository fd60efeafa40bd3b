"""A spending limit that is set together with what it is on: a new key, a new project."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing import limits
from billing.limits import Terms
from billing.models import Measure, Window
from dashboard.limit_forms import exact_amount

_WINDOWS = ((Window.DAY, _("A day")), (Window.WEEK, _("A week, from Monday")), (Window.MONTH, _("A month")))


class WithLimit(forms.Form):
    """Asks for an amount and a period; who may not change limits is not asked and not heard."""

    spending_limit = forms.CharField(
        label=_("Spending limit (USD)"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=_("Requests fail with 402 when it is reached. Empty: no limit of its own."),
    )
    limit_window = forms.ChoiceField(label=_("In"), choices=_WINDOWS, initial=Window.MONTH, required=False)

    def __init__(self, *args: Any, limits_money: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not limits_money:
            del self.fields["spending_limit"], self.fields["limit_window"]

    def clean(self) -> dict[str, Any]:
        """`terms`: those of the limit, None without one."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["terms"] = None
        if typed := cleaned.get("spending_limit"):
            try:
                amount = exact_amount(Measure.USD, typed)
                cleaned["terms"] = limits.check(Terms(Measure.USD, amount, cleaned.get("limit_window") or Window.MONTH))
            except ValidationError as error:
                self.add_error("spending_limit", " ".join(error.messages))
        return cleaned
