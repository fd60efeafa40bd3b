"""What every answer of the API wears, whether it went well or not."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import etags
from gateway.http import new_request_id
from gateway.limiter.headers import rate_limit_headers
from gateway.limiter.limiter import Slot


class Dressed(APIView):
    """Methods are checked before callers; answers have an id, the rate limit as it is, and are kept by no cache."""

    http_method_names = ["get", "head", "post", "patch", "put", "delete"]
    # Set by the throttle.
    slot: Slot | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not hasattr(self, (request.method or "").lower()):
            raise MethodNotAllowed(request.method or "")
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["x-request-id"] = new_request_id()
        response["Cache-Control"] = "no-store"
        self._tag(request, response)
        for name, value in rate_limit_headers(self.slot) if self.slot else ():
            response[name.decode()] = value.decode()
        return response

    def _tag(self, request: Request, response: Any) -> None:
        """An object has its tag; who has it already gets 304."""
        if not isinstance(response, Response) or response.status_code not in (200, 201):
            return
        if not etags.is_single(response.data) or request.method == "DELETE":
            return
        response["ETag"] = etags.etag(response.data)
        known = request.headers.get("If-None-Match")
        if request.method in ("GET", "HEAD") and known is not None and etags.is_same(known, response.data):
            response.status_code, response.data = 304, None
