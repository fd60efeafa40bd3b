"""How often a key or a person may call the API: a sliding minute of two counters in the cache."""

import logging
import math
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.caller import Caller
from gateway import errors
from gateway.limiter.headers import retry_after_seconds
from gateway.limiter.limiter import Slot

log = logging.getLogger(__name__)

_MINUTE = 60
# Where to count while the shared cache cannot be reached.
_own = LocMemCache("api-throttle", {"MAX_ENTRIES": 10_000})


class CallerThrottle(BaseThrottle):
    """By credential; models are called through the gateway, which has its own, strict limits."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Caller):
            return True
        slot = take(request.auth.credential.name, settings.API_REQUESTS_PER_MINUTE, time.time())
        view.slot = slot
        if not slot.allowed:
            raise errors.rate_limited(slot.limit, retry_after_seconds(slot))
        return True


def take(who: str, limit: int, now: float) -> Slot:
    """Count one request; a refused one is not counted. `now` in unix seconds."""
    try:
        return _take(cache, who, limit, now)
    except Exception:
        # Whatever the cache is: a script must not fail because counting does.
        log.warning("the cache cannot be reached; this process counts the API's callers for itself", exc_info=True)
        return _take(_own, who, limit, now)


def _take(counters: BaseCache, who: str, limit: int, now: float) -> Slot:
    """The last full minute counts for the share of it that lies within 60 seconds."""
    minute, into = divmod(now, _MINUTE)
    name = f"api-requests:{who}:{minute:.0f}"
    counters.add(name, 0, 2 * _MINUTE)
    before = counters.get(f"api-requests:{who}:{minute - 1:.0f}", 0)
    current = counters.incr(name)
    used = math.ceil(before * (1 - into / _MINUTE)) + current
    if used <= limit:
        return Slot(True, limit, limit - used, float(_MINUTE), 0.0)
    counters.decr(name)
    return Slot(False, limit, 0, float(_MINUTE), _wait(before, current - 1, into, limit))


def _wait(before: int, current: int, into: float, limit: int) -> float:
    """Seconds until one more request fits."""
    for seconds in range(1, _MINUTE + 1):
        later = into + seconds
        if later < _MINUTE:
            used = math.ceil(before * (1 - later / _MINUTE)) + current
        else:
            used = math.ceil(current * (1 - (later - _MINUTE) / _MINUTE))
        if used < limit:
            return float(seconds)
    return float(_MINUTE)
