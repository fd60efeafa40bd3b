"""How pages name limits and write their amounts: USD, tokens or requests by the measure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import windows
from billing.models import Measure
from dashboard.templatetags.console import count, usd
from foundation import shown_dates
from foundation.money import usd_string
from foundation.shown_numbers import written

_NAMES = {
    ("usd", "day"): gettext_lazy("Daily spending limit"),
    ("usd", "week"): gettext_lazy("Weekly spending limit"),
    ("usd", "month"): gettext_lazy("Monthly spending limit"),
    ("usd", "lifetime"): gettext_lazy("Lifetime spending limit"),
    ("tokens", "day"): gettext_lazy("Daily token limit"),
    ("tokens", "week"): gettext_lazy("Weekly token limit"),
    ("tokens", "month"): gettext_lazy("Monthly token limit"),
    ("tokens", "lifetime"): gettext_lazy("Lifetime token limit"),
    ("requests", "day"): gettext_lazy("Daily request limit"),
    ("requests", "week"): gettext_lazy("Weekly request limit"),
    ("requests", "month"): gettext_lazy("Monthly request limit"),
    ("requests", "lifetime"): gettext_lazy("Lifetime request limit"),
}
SCOPES = {
    "organization": gettext_lazy("Organization"),
    "project": gettext_lazy("Project"),
    "key": gettext_lazy("API key"),
}


def name_of(measure: str, window: str) -> str:
    """Such as Monthly spending limit."""
    return str(_NAMES[measure, window])


def amount(measure: str, value: int) -> str:
    """What was used, for reading: $61.20, 1,204 tokens, 1 request."""
    return usd(value) if measure == Measure.USD else _counted(measure, value)


def exact(measure: str, value: int) -> str:
    """What a person set, every digit of it: $1,250.00."""
    if measure != Measure.USD:
        return _counted(measure, value)
    whole, _point, rest = usd_string(value).partition(".")
    return written(f"${int(whole):,}.{rest}")


def typed(measure: str, value: int) -> str:
    """The amount as it stands in a form."""
    return windows.said(measure, value)


def until(at: datetime | None, zone: ZoneInfo) -> str:
    """When a window resets: 1 Dec 2026, 00:00 CET; a lifetime never does."""
    if at is None:
        return _("Never")
    local = at.astimezone(zone)
    return shown_dates.instant_text(local)


def days_to(at: datetime | None, now: datetime) -> str:
    """How far away that is: in 8 days, in 5 hours."""
    if at is None:
        return ""
    seconds = max(0, int((at - now).total_seconds()))
    if seconds >= 48 * 3600:
        return _("in %(n)d days") % {"n": seconds // 86_400}
    if seconds >= 2 * 3600:
        return _("in %(n)d hours") % {"n": seconds // 3600}
    minutes = max(1, seconds // 60)
    return ngettext("in %(n)d minute", "in %(n)d minutes", minutes) % {"n": minutes}


def _counted(measure: str, value: int) -> str:
    if measure == Measure.TOKENS:
        return ngettext("%(n)s token", "%(n)s tokens", value) % {"n": count(value)}
    return ngettext("%(n)s request", "%(n)s requests", value) % {"n": count(value)}
