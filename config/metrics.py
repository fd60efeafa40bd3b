"""GET /metrics in Prometheus' text format: for this machine, and for whoever has METRICS_TOKEN."""

import hmac
from collections.abc import Callable

from django.conf import settings

from gateway.http import Receive, Scope, Send

PATH = "/metrics"
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Answers /metrics; `text` makes the body."""

    def __init__(self, text: Callable[[], bytes]) -> None:
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, body = (200, self._text()) if _is_allowed(scope) else (404, b"Not found\n")
        headers = [(b"content-type", _CONTENT_TYPE), (b"cache-control", b"no-store")]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _is_allowed(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    token = settings.METRICS_TOKEN
    if token and hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {token}".encode()):
        return True
    # What a proxy on this machine forwards does not come from this machine.
    forwarded = b"x-forwarded-for" in headers or b"forwarded" in headers
    address = (scope.get("client") or ("", 0))[0]
    return not forwarded and address.startswith(_LOOPBACK)
