"""The stream to the client: begun late, kept alive while the model thinks."""

import asyncio

from gateway.errors import ApiError
from gateway.http import Exchange

_KEEP_ALIVE = b": keep-alive\n\n"


class EventStream:
    """Writes parts of the stream; sends a comment when nothing was written for `keep_alive` seconds.

    The head goes out with the first part or the first comment: until then an error can still be plain JSON.
    """

    __slots__ = ("_exchange", "_last", "_loop", "_period", "_ping", "_timer", "begun")

    def __init__(self, exchange: Exchange, keep_alive: float) -> None:
        self._exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._period = keep_alive
        self._last = self._loop.time()
        self._ping: asyncio.Task[None] | None = None
        self.begun = False
        self._timer = self._loop.call_later(keep_alive, self._due)

    def _due(self) -> None:
        silent = self._loop.time() - self._last
        if silent >= self._period and self._ping is None:
            self._ping = self._loop.create_task(self._comment())
            silent = 0.0
        self._timer = self._loop.call_later(max(self._period - silent, 0.01), self._due)

    async def _comment(self) -> None:
        try:
            await self._write(_KEEP_ALIVE, last=False)
        finally:
            self._ping = None

    async def _write(self, part: bytes, *, last: bool) -> None:
        self._last = self._loop.time()
        if not self.begun:
            self.begun = True
            await self._exchange.start_stream()
        await self._exchange.write(part, last=last)

    async def write(self, part: bytes, *, last: bool = False) -> None:
        """Send a part now, after a comment that is on its way."""
        if self._ping is not None:
            await asyncio.wait([self._ping])
        if last:
            self._timer.cancel()
        await self._write(part, last=last)

    async def fail(self, error: ApiError) -> None:
        """Say the error: as plain JSON while that is possible, else inside the stream, which ends without [DONE]."""
        self._timer.cancel()
        if self._ping is not None:
            await asyncio.wait([self._ping])
        if self.begun:
            await self._exchange.write(b"data: " + error.body() + b"\n\n", last=True)
        else:
            await self._exchange.send_error(error)

    def close(self) -> None:
        """Stop the keep-alive clock."""
        self._timer.cancel()
