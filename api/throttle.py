"""How often a key or a person may call the API."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from api.caller import Caller


class CallerThrottle(SimpleRateThrottle):
    """By credential; models are called through the gateway, which has its own limits."""

    scope = "api"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        caller = cast(Caller | None, request.auth)
        return f"api-pace:{caller.credential.name}" if caller else None
