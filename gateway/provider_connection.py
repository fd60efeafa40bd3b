"""One keep-alive connection to a provider: as much of HTTP/1.1 as a POST and its answer need.

Not a general client's, because that is most of what a request costs the event loop. Bytes are parsed by llhttp.
"""

import asyncio
import zlib
from typing import Any, cast

import httptools

# What an answer's head, or the trailers behind its body, may be.
_MOST_HEAD = 64 * 1024
# A client that reads slowly slows its provider: above the first no more is read, until the reader has taken it.
_MOST_UNREAD = 512 * 1024
# What one read from the socket may decompress to.
_MOST_INFLATED = 16 * 1024 * 1024
_CODINGS = {b"gzip": 47, b"x-gzip": 47, b"deflate": 47}
_INFORMATIONAL = range(100, 200)


class ProviderConnection(asyncio.Protocol):
    """Sends one request at a time and gives its answer as it comes; whatever goes wrong is an OSError."""

    __slots__ = (
        "_asked", "_due", "_error", "_head_size", "_inflate", "_is_framed", "_is_paused", "_keeps", "_loop", "_parser",
        "_parts", "_timer", "_transport", "_unread", "_waiter", "headers", "is_whole", "rested_at", "status",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        # When the pool got it back; for the pool.
        self.rested_at = 0.0
        self._begin()
        self._asked = False

    def _begin(self) -> None:
        """Forget the answer before."""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.is_whole = False
        self._asked = True
        self._keeps = False
        self._is_framed = False
        self._is_paused = False
        self._head_size = 0
        self._parts: list[bytes] = []
        self._unread = 0
        self._error: OSError | None = None
        self._inflate: Any = None

    # ---------------------------------------------------------------- for the caller

    @property
    def is_reusable(self) -> bool:
        """Whether the next request can be sent: the answer was read whole, and both sides keep the connection."""
        transport = self._transport
        return transport is not None and not (self._asked or self._is_paused or transport.is_closing())

    async def ask(self, request: bytes, seconds: float) -> None:
        """Send a request and wait for the head of its answer; raises TimeoutError or ConnectionError."""
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        self._begin()
        self._transport.write(request)
        due = self._loop.time() + seconds
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait(due)

    async def part(self, seconds: float) -> bytes:
        """What has come of the body, empty at its end; raises TimeoutError or ConnectionError."""
        due = self._loop.time() + seconds
        while not self._parts:
            if self.is_whole:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait(due)
        parts = self._parts
        self._parts = []
        self._unread = 0
        if self._is_paused:
            self._is_paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def abort(self) -> None:
        """Close at once, so that the provider stops producing."""
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self, due: float) -> None:
        """Until something happens; one lazy timer serves all waits of a connection."""
        self._due = due
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._check)
        elif self._timer.when() > due:
            self._timer.cancel()
            self._timer = self._loop.call_at(due, self._check)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _check(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._check)
        else:
            waiter.set_exception(TimeoutError("the provider is silent"))

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # ---------------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not say that they are one.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break("the provider does not speak HTTP/1.1 as it should")
        if not self.status and self._asked:
            self._head_size += len(data)
            if self._head_size > _MOST_HEAD:
                self._break("the head of the provider's answer has no end")
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        # It holds on to our callbacks.
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
        if self._asked and self._error is None:
            if self.status and not self._is_framed and error is None:
                # Neither length nor chunks: the end of the connection is the end of the body.
                self._end()
            else:
                self._error = ConnectionError("the provider closed the connection")
        self._wake()

    def _break(self, why: str) -> None:
        if self._error is None:
            self._error = ConnectionError(why)
        self.abort()

    # ---------------------------------------------------------------- the parser's callbacks

    def on_message_begin(self) -> None:
        if not self._asked:
            raise ConnectionError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        if self._head_size > _MOST_HEAD:
            raise ConnectionError("too many headers")
        name = name.lower()
        if name not in self.headers:
            self.headers[name] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status in _INFORMATIONAL:
            self.headers = {}
            return
        headers = self.headers
        coded = headers.get(b"transfer-encoding", b"").lower()
        self._is_framed = b"content-length" in headers or b"chunked" in coded
        coding = headers.get(b"content-encoding")
        if coding is not None and coding.lower() != b"identity":
            self._inflate = _inflator(coding.lower())
        self.status = status

    def on_body(self, body: bytes) -> None:
        if self._inflate is not None:
            body = self._inflated(body)
            if not body:
                # An empty part is the end.
                return
        self._parts.append(body)
        self._unread += len(body)
        if self._unread > _MOST_UNREAD and not self._is_paused:
            self._is_paused = True
            if self._transport is not None and not self._transport.is_closing():
                self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.status:
            self._keeps = self._parser.should_keep_alive()
            self._end()

    def _inflated(self, body: bytes) -> bytes:
        try:
            found: bytes = self._inflate.decompress(body, _MOST_INFLATED)
        except zlib.error as error:
            raise ConnectionError("a body that cannot be decompressed") from error
        if self._inflate.unconsumed_tail:
            raise ConnectionError("a body that decompresses to far too much")
        return found

    def _end(self) -> None:
        self.is_whole = True
        self._asked = False
        transport = self._transport
        if transport is not None and (not self._keeps or transport.get_write_buffer_size()):
            transport.abort()


def _inflator(coding: bytes) -> Any:
    """We ask for no coding; some answer in one all the same."""
    if coding not in _CODINGS:
        raise ConnectionError("a body in a coding that nobody asked for")
    return zlib.decompressobj(_CODINGS[coding])
