"""HTTP as raw ASGI: headers that every answer carries, reading bodies, sending answers."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from accounts.principal import Principal
from gateway import errors
from gateway.deadline import Deadline
from gateway.errors import ApiError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

EXPOSED = (
    b"x-request-id, retry-after, retry-after-ms, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    b"x-ratelimit-reset-requests, x-should-retry, x-meterhouse-output-cap, openai-processing-ms"
)
_ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED),
)
_salts: list[str] = []
_JSON = (b"content-type", b"application/json")
# What is read and thrown away of a body that is too large, so that the client gets to see the answer.
_DRAIN = 64 * 1024 * 1024


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


def new_request_id() -> str:
    """A request id of our own, 12 digits of time and 12 of chance; a client's value is never taken over.

    In the order of time, so that the newest stand side by side in an index.
    """
    try:
        salt = _salts.pop()
    except IndexError:
        # One system call for many ids.
        digits = os.urandom(6 * 256).hex()
        _salts.extend(digits[start : start + 12] for start in range(0, len(digits), 12))
        salt = _salts.pop()
    return f"req_{time.time_ns() // 1_000_000:012x}{salt}"


class Exchange:
    """One request and its answer: id, clock, headers to add, and whether the answer has begun."""

    __slots__ = (
        "_receive", "_send", "begun", "body", "extra", "headers", "method", "model", "path", "principal", "query",
        "request_id", "scope", "started", "wants_receipt",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.headers: HeaderList = scope["headers"]
        self.request_id = new_request_id()
        self.extra: HeaderList = []
        self.body: bytes | None = None
        self.begun = False
        # Who asked for which model, as far as it is known: a refusal is counted for them.
        self.principal: Principal | None = None
        self.model = ""
        # The playground shows what the ledger has.
        self.wants_receipt = False
        self.started = time.perf_counter()
        self._receive = receive
        self._send = send

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header field; names are lower case in ASGI."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def _head(self) -> HeaderList:
        return [*_ALWAYS, (b"x-request-id", self.request_id.encode()), *self.extra]

    async def send_bytes(self, status: int, body: bytes, headers: HeaderList | None = None) -> None:
        """A whole answer; a HEAD request gets its head alone."""
        head = [*self._head(), *(headers or ()), (b"content-length", str(len(body)).encode())]
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})

    async def send_json(self, body: bytes, status: int = 200) -> None:
        """A JSON answer, already encoded."""
        spent = int((time.perf_counter() - self.started) * 1000)
        await self.send_bytes(status, body, [_JSON, (b"openai-processing-ms", str(spent).encode())])

    async def send_error(self, error: ApiError) -> None:
        """An error as plain JSON with its status."""
        await self.send_bytes(error.status, error.body(), [_JSON, *error.headers])

    async def start_stream(self) -> None:
        """The head of an event stream; nothing may be held back on its way."""
        head = [
            *self._head(),
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        self.begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": head})

    async def write(self, part: bytes, *, last: bool = False) -> None:
        """A part of the stream."""
        await self._send({"type": "http.response.body", "body": part, "more_body": not last})

    async def read_body(self, limit: int, timeout: float) -> bytes:
        """The body; raises ApiError 413 above `limit` bytes, ClientGone when the client leaves."""
        length = self.header(b"content-length")
        if length is not None and length.isdigit() and int(length) > limit:
            await self._drain(timeout)
            raise errors.too_large(limit)
        try:
            with Deadline(timeout):
                return await self._read(limit, timeout)
        except TimeoutError as error:
            raise errors.not_json(f"The request body did not arrive within {timeout:.0f} s.") from error

    async def _read(self, limit: int, timeout: float) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGone
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if len(body) > limit:
                raise errors.too_large(limit)
            return body
        parts = [body]
        size = len(body)
        while message.get("more_body"):
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                parts.clear()
                await self._drain(timeout)
                raise errors.too_large(limit)
            parts.append(part)
        return b"".join(parts)

    async def _drain(self, timeout: float) -> None:
        """Read on and throw away, bounded in size and time."""
        size = 0
        try:
            async with asyncio.timeout(min(timeout, 20.0)):
                while size < _DRAIN:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return
        except TimeoutError:
            return

    async def client_left(self) -> None:
        """Return when the client has closed the connection; call it after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
