"""What was refused lately: counts of a day by error code, and the newest refusals one by one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from billing.models import RefusalCount, RefusedRequest
from dashboard.usage_filters import Scope
from dashboard.usage_report import key_name

_NEWEST = 20
_QUOTA = "insufficient_quota"
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


def counts(scope: Scope, now: datetime) -> list[Counted]:
    """By code, most often first."""
    found = RefusalCount.objects.filter(organization=scope.organization, minute__gt=now - timedelta(hours=24))
    if not scope.every:
        found = found.filter(project__in=[project.pk for project in scope.projects])
    by_code = found.order_by().values_list("code").annotate(Sum("count"), Max("minute"))
    ordered = sorted(by_code, key=lambda one: (-one[1], one[0]))
    return [Counted(code, str(_MEANINGS.get(code, "")), count, last) for code, count, last in ordered]


def newest(scope: Scope, key: ApiKey | None = None, most: int = _NEWEST) -> list[Refused]:
    """The newest refusals of the keys that this person reaches, or of one of them."""
    found = RefusedRequest.objects.filter(organization=scope.organization).select_related("api_key__project")
    if key is not None:
        found = found.filter(api_key=key)
    if not scope.every:
        found = found.filter(api_key__project__in=[project.pk for project in scope.projects])
    return [
        # A refusal for money tells the balance.
        Refused(one, key_name(one.api_key), one.message if scope.sees_money or one.code != _QUOTA else "")
        for one in found.order_by("-pk")[:most]
    ]
