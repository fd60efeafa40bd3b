"""The newest requests that went wrong: refused, or answered and broken off."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from dashboard import api_words, limit_refusals
from dashboard.request_filters import ENDINGS
from dashboard.usage_filters import Scope
from dashboard.usage_lines import key_name
from usage import request_list
from usage.models import UsageEvent

_OF_A_KEY = 20
# How far back failed answers of a key are looked for: a key that seldom fails must not make the page slow.
_LOOKED_AT = 2_000
_LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that was refused, or answered and failed; `url` where it has a page of its own."""

    at: datetime
    key: str
    code: str
    model: str
    said: str
    request_id: str
    url: str = ""


def of_key(scope: Scope, key: ApiKey) -> list[Failure]:
    """The newest with this key, newest first, with what was answered."""
    found = [_refused(one, one.message) for one in limit_refusals.newest(scope, key, _OF_A_KEY)]
    newest = UsageEvent.objects.filter(api_key=key).order_by("-occurred_at").values("pk")[:_LOOKED_AT]
    failed = UsageEvent.objects.filter(pk__in=newest, status__gte=400).order_by("-occurred_at", "-id")
    found += [_failed(event) for event in failed.select_related("api_key__project")[:_OF_A_KEY]]
    return _newest(found, _OF_A_KEY)


def newest(scope: Scope, now: datetime, most: int) -> list[Failure]:
    """The newest of all keys in reach, newest first, with what the code means."""
    found = [_refused(one, "") for one in limit_refusals.newest(scope, most=most)]
    failed = request_list.failed(scope.filter((now - _LATELY, now + timedelta(days=1))))
    found += [_failed(event) for event in failed.select_related("api_key__project")[:most]]
    return _newest(found, most)


def _newest(found: list[Failure], most: int) -> list[Failure]:
    return sorted(found, key=lambda one: one.at, reverse=True)[:most]


def _refused(one: limit_refusals.Refused, message: str) -> Failure:
    request = one.request
    said = api_words.said(message) or one.meaning
    return Failure(request.at, one.key, request.code, request.model, said, request.request_id)


def _failed(event: UsageEvent) -> Failure:
    words = _("%(status)s: %(ending)s") % {
        "status": event.status,
        "ending": ENDINGS.get(event.finish_reason, event.finish_reason),
    }
    code = event.error_code or event.finish_reason
    url = reverse("dashboard:request", args=[event.request_id])
    return Failure(event.occurred_at, key_name(event.api_key), code, event.model, words, event.request_id, url)
