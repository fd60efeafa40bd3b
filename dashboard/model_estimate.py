"""What a workload would cost a month: the arithmetic of a real charge, for a request that is only thought of."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing import rating
from foundation.money import UnitPrices
from usage.counts import TokenCounts

DAYS = 30
_MOST_TOKENS = 100_000_000
_MOST_REQUESTS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Nano-USD of one request and of a month of them; exact, since a charge is rounded once a request."""

    request: int
    month: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Tokens of one request, `cached` of the input among them, and how many of them a day."""

    input: int
    cached: int
    output: int
    requests: int

    def cost(self, prices: UnitPrices) -> Estimate:
        """At these prices, in a month of 30 days."""
        one = rating.charge(TokenCounts(self.input - self.cached, self.cached, self.output), prices)
        return Estimate(one, one * self.requests * DAYS)


class EstimateForm(forms.Form):
    """A workload; on a page that is asked with GET."""

    input = forms.IntegerField(
        label=_("Input tokens"), min_value=0, max_value=_MOST_TOKENS, help_text=_("of one request")
    )
    cached = forms.IntegerField(
        label=_("of which cached"), min_value=0, max_value=_MOST_TOKENS, required=False, help_text=_("0 if unsure")
    )
    output = forms.IntegerField(
        label=_("Output tokens"), min_value=0, max_value=_MOST_TOKENS, help_text=_("of one request")
    )
    requests = forms.IntegerField(label=_("Requests a day"), min_value=1, max_value=_MOST_REQUESTS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("cached") or 0) > cleaned.get("input", _MOST_TOKENS):
            self.add_error("cached", _("No more than the input."))
        return cleaned

    @property
    def workload(self) -> Workload:
        """What was typed; once the form is valid."""
        data = self.cleaned_data
        return Workload(data["input"], data["cached"] or 0, data["output"], data["requests"])


def asked(query: Any) -> EstimateForm:
    """The form, bound where the address names a workload."""
    initial = {"input": 2_000, "cached": 0, "output": 500, "requests": 1_000}
    return EstimateForm(query if "requests" in query else None, initial=initial, auto_id="e-%s")
