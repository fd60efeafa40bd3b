"""What is asked when a limit is set, changed or tried."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from billing import limits
from billing.limits import Terms
from billing.models import Measure, SpendingLimit, Window
from dashboard import limit_words
from dashboard.edits import EditForm
from dashboard.form_errors import add_errors
from dashboard.usage_filters import Scope
from dashboard.usage_lines import key_name
from foundation.money import InvalidAmount, from_usd

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
_MOST_KEYS = 300
_LARGEST_COUNT = 2**63 - 1
_ACTIONS = (
    ("hard", _("Stop at it: requests that do not fit fail with 402")),
    ("soft", _("Only alert: requests go on")),
)
_MEASURES = ((Measure.USD, _("US dollars")), (Measure.TOKENS, _("Tokens")), (Measure.REQUESTS, _("Requests")))
_WINDOWS = (
    (Window.DAY, _("A day")),
    (Window.WEEK, _("A week, from Monday")),
    (Window.MONTH, _("A month")),
    (Window.LIFETIME, _("For ever")),
)


class TermsForm(forms.Form):
    """How much, what happens then, and when people are told."""

    amount = forms.CharField(
        label=_("Amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"required": _("Say how much, such as 50.")},
    )
    action = forms.ChoiceField(
        label=_("When it is reached"), choices=_ACTIONS, initial="hard", widget=forms.RadioSelect
    )
    thresholds = forms.CharField(
        label=_("Alert at (percent)"),
        required=False,
        max_length=100,
        initial="50, 80, 100",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Whole percents such as 50, 80, 100. Alerts alone never stop requests. Empty: nobody is told."),
    )

    def clean_thresholds(self) -> tuple[int, ...]:
        words = self.cleaned_data["thresholds"].replace("%", " ").replace(",", " ").split()
        if not all(word.isascii() and word.isdigit() and len(word) <= 6 for word in words):
            raise ValidationError(_("Write whole percents with commas between, such as 50, 80, 100."))
        return tuple(int(word) for word in words)

    def measured(self) -> tuple[str, str]:
        """The measure and window, as far as they are known."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        measure, window = self.measured()
        if measure and "amount" in cleaned:
            try:
                cleaned["amount"] = exact_amount(measure, cleaned["amount"])
            except ValidationError as error:
                self.add_error("amount", error)
        if not self.errors:
            hard = cleaned["action"] == "hard"
            try:
                cleaned["terms"] = limits.check(Terms(measure, cleaned["amount"], window, hard, cleaned["thresholds"]))
            except ValidationError as error:
                add_errors(self, error)
        return cleaned

    @property
    def terms(self) -> Terms:
        """What the form asks for; once it is valid."""
        terms: Terms = self.cleaned_data["terms"]
        return terms


class AddLimitForm(TermsForm):
    """A limit on the organization, one of its projects or one of its keys."""

    subject = forms.ChoiceField(label=_("Applies to"))
    measure = forms.ChoiceField(label=_("Counts"), choices=_MEASURES, initial=Measure.USD)
    window = forms.ChoiceField(label=_("In"), choices=_WINDOWS, initial=Window.MONTH)
    field_order = ("subject", "measure", "amount", "window", "action", "thresholds")

    def __init__(self, *args: Any, scope: Scope, chosen: ApiKey | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["subject"]
        assert isinstance(field, forms.ChoiceField)
        projects = [one for one in scope.projects if one.archived_at is None]
        groups: list[Any] = [(scope.organization.public_id, scope.organization.name)]
        if projects:
            groups.append((_("Projects"), [(one.public_id, one.name) for one in projects]))
        if keys := live_keys(scope, chosen):
            groups.append((_("API keys"), key_choices(scope, keys)))
        field.choices = groups

    def measured(self) -> tuple[str, str]:
        return self.cleaned_data.get("measure", ""), self.cleaned_data.get("window", "")


class ChangeLimitForm(EditForm, TermsForm):
    """The terms of a limit that exists; what it is on, counts and resets stays."""

    deeds = ("limit.set",)

    def __init__(self, *args: Any, limit: SpendingLimit, **kwargs: Any) -> None:
        self.limit = limit
        kwargs["initial"] = {
            "amount": limit_words.typed(limit.measure, limit.amount),
            "action": "hard" if limit.is_hard else "soft",
            "thresholds": ", ".join(str(percent) for percent in limit.thresholds),
        }
        super().__init__(*args, edited=limit, **kwargs)
        self.fields["version"].required = True

    def measured(self) -> tuple[str, str]:
        return self.limit.measure, self.limit.window

    def version_now(self) -> str:
        return str(self.limit.version)

    def differences(self) -> list[str]:
        asked, now = self.terms, limits.terms_of(self.limit)
        pairs = {
            "amount": (asked.amount, now.amount),
            "action": (asked.is_hard, now.is_hard),
            "thresholds": (asked.thresholds, now.thresholds),
        }
        return [name for name, (one, other) in pairs.items() if one != other]

    def value_now(self, name: str) -> str:
        return limit_words.exact(self.limit.measure, self.limit.amount) if name == "amount" else super().value_now(name)


class CheckForm(forms.Form):
    """A request that is not sent."""

    key = forms.ChoiceField(label=_("API key"))
    model = forms.ChoiceField(label=_("Model"))
    input_tokens = forms.IntegerField(label=_("Input tokens"), min_value=0, max_value=2**31 - 1, initial=1000)
    max_tokens = forms.IntegerField(
        label=_("Output, at most"),
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        widget=forms.NumberInput(attrs={"placeholder": _("maximum")}),
    )

    def __init__(self, *args: Any, scope: Scope, models: Sequence[str], chosen: ApiKey | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = live_keys(scope, chosen)
        for name, choices in (("key", key_choices(scope, self.found)), ("model", [(one, one) for one in models])):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def key_chosen(self) -> ApiKey:
        """The key by its public id; once the form is valid."""
        return next(key for key in self.found if key.public_id == self.cleaned_data["key"])


def live_keys(scope: Scope, chosen: ApiKey | None = None) -> list[ApiKey]:
    """Keys to choose from, the newest of many, and the one that was chosen."""
    rows = scope.keys().filter(revoked_at=None).select_related("project").order_by("-created_at", "-pk")
    found: list[ApiKey] = list(rows[:_MOST_KEYS])
    if chosen is not None and chosen.pk not in {key.pk for key in found}:
        found.append(chosen)
    return sorted(found, key=lambda key: (key.is_playground, key.name.casefold(), key.pk))


def key_choices(scope: Scope, found: list[ApiKey]) -> list[tuple[str, str]]:
    """With the project's name where there are several."""
    several = len(scope.projects) > 1
    return [(key.public_id, f"{key_name(key)} · {key.project.name}" if several else key_name(key)) for key in found]


def exact_amount(measure: str, text: str) -> int:
    """What was typed as nano-USD, tokens or requests."""
    text = text.strip().removeprefix("$").strip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if measure != Measure.USD:
        if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _LARGEST_COUNT:
            return int(text)
        raise ValidationError(_("Write a whole number such as 10000."))
    try:
        return from_usd(text)
    except InvalidAmount as error:
        raise ValidationError(str(error)) from error
