"""From the playground into this process's gateway: the line that every API key takes, entered with a session."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.crypto import salted_hmac

from accounts.principal import Principal
from gateway.app import Gateway
from gateway.errors import ApiError
from gateway.http import Exchange, Scope

_PASSED_ON = (
    "content-type",
    "cache-control",
    "x-request-id",
    "retry-after",
    "x-accel-buffering",
    "x-meterhouse-output-cap",
)
_RATE_LIMITS = "x-ratelimit-"

# A call outlives its response: it must settle after the person has left.
_running: set["asyncio.Task[None]"] = set()


def gateway_of(request: HttpRequest) -> Gateway:
    """The gateway that runs in this process; raises ApiError 503 where none does (WSGI, tests)."""
    gateway = getattr(request, "scope", {}).get("gateway")
    if not isinstance(gateway, Gateway):
        raise ApiError(503, "server_error", "gateway_not_running", "The gateway is not running in this process.")
    return gateway


def request_id_of(user_id: int, turn: str) -> str:
    """The request id of a turn that this person's browser named, so that it can ask for the receipt of a request
    whose answer it never saw; nobody else's turn leads to the same id.
    """
    return f"req_{salted_hmac('playground.turn', f'{user_id}:{turn}', algorithm='sha256').hexdigest()[:24]}"


class Call:
    """One request to the gateway, and its answer as a Django response."""

    def __init__(self, gateway: Gateway, scope: Scope, body: bytes) -> None:
        self.exchange = Exchange(scope, self._receive, self._send)
        self.exchange.wants_receipt = True
        self._gateway = gateway
        self._body: bytes | None = body
        self._left = asyncio.Event()
        self._head: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        # Unbounded, but never more than one answer.
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def response(self, principal: Principal, user_id: int) -> StreamingHttpResponse:
        """The answer, as soon as its status is known; closing it stops the provider."""
        task = asyncio.ensure_future(self._run(principal, user_id))
        _running.add(task)
        task.add_done_callback(_running.discard)
        try:
            head = await self._head
        except asyncio.CancelledError:
            self._left.set()
            raise
        response = StreamingHttpResponse(self._content(), status=head["status"])
        for raw_name, value in head["headers"]:
            name = raw_name.decode()
            if name in _PASSED_ON or name.startswith(_RATE_LIMITS):
                response[name] = value.decode()
        # A stream says no-cache itself: Chromium calls a stream under no-store cancelled when a script has read it.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _run(self, principal: Principal, user_id: int) -> None:
        try:
            await self._gateway.serve_session(self.exchange, principal, user_id)
        finally:
            self._parts.put_nowait(None)
            if not self._head.done():
                self._head.cancel()

    async def _content(self) -> AsyncIterator[bytes]:
        try:
            while (part := await self._parts.get()) is not None:
                yield part
        finally:
            self._left.set()

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            self._parts.put_nowait(message["body"])
        elif not self._head.done():
            self._head.set_result(message)
