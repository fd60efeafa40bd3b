"""What was refused lately: counts of a day by error code, and the newest refusals one by one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from billing import refusal_reports
from billing.models import RefusedRequest
from dashboard.usage_filters import Scope
from dashboard.usage_lines import key_name

_NEWEST = 20
# What each code means and what to do about it.
_MEANINGS = {
    "insufficient_quota": _("402: credit or a limit did not suffice. Add credit or raise the limit."),
    "rate_limit_exceeded": _("429: too many requests in 60 seconds. Send fewer, or wait as Retry-After says."),
    "model_not_found": _("404: no such model. Use a name from the models page."),
    "model_not_allowed": _("403: the key may not use this model. Change the key, or the model."),
    "insufficient_permissions": _("403: the key lacks the permission. Change the key’s permissions."),
    "ip_not_allowed": _("403: the key may not be used from this address. Change its allowed addresses."),
    "organization_suspended": _("403: the organization is suspended. Ask your operator."),
    "context_length_exceeded": _("400: more tokens than the model reads. Shorten the conversation."),
    "invalid_api_key": _("401: the key is disabled, expired or revoked."),
    "request_too_large": _("413: the request body is too large."),
    "invalid_type": _("400: a parameter has the wrong type."),
    "invalid_value": _("400: a parameter has a wrong value."),
    "missing_required_parameter": _("400: a parameter is missing."),
    "server_overloaded": _("503: no provider could answer. Try again."),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """Refusals of one code in the last 24 hours."""

    code: str
    meaning: str
    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused request; the message only where the role may read it."""

    request: RefusedRequest
    key: str
    message: str

    @property
    def meaning(self) -> str:
        """What the code means and what to do; empty for a rare one."""
        return str(_MEANINGS.get(self.request.code, ""))


def counts(scope: Scope, now: datetime) -> list[Counted]:
    """By code, most often first."""
    return [
        Counted(one.code, str(_MEANINGS.get(one.code, "")), one.count, one.last)
        for one in refusal_reports.counts(scope, now - timedelta(hours=24))
    ]


def newest(scope: Scope, key: ApiKey | None = None, most: int = _NEWEST) -> list[Refused]:
    """The newest refusals of the keys that this person reaches, or of one of them."""
    found = refusal_reports.newest(scope)
    if key is not None:
        found = found.filter(api_key=key)
    return [Refused(one, key_name(one.api_key), refusal_reports.message_for(scope, one)) for one in found[:most]]
