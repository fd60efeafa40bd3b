"""Whether the menu leads to Getting started."""

from typing import Any

from django import template
from django.core.cache import cache
from django.http import HttpRequest

from accounts.models import Membership
from dashboard import getting_started_steps
from dashboard.access import Desk

register = template.Library()
HIDDEN_COOKIE = "getting_started"
# Seconds; who has made a first call has made it for good.
_REMEMBERED = 60 * 60 * 24


def is_hidden(request: HttpRequest) -> bool:
    """Whether this browser's person took the page out of the menu."""
    return request.COOKIES.get(HIDDEN_COOKIE) == "hidden"


@register.simple_tag(takes_context=True)
def is_starting(context: dict[str, Any]) -> bool:
    """Until the first call that this person can see, unless the person took it out of the menu."""
    request, membership = context.get("request"), context.get("membership")
    if request is None or not isinstance(membership, Membership) or is_hidden(request):
        return False
    name = f"getting-started:{membership.user_id}:{membership.organization.public_id}"
    if cache.get(name):
        return False
    if getting_started_steps.calls(Desk(request.user, membership)).exists():
        cache.set(name, True, _REMEMBERED)
        return False
    return True
