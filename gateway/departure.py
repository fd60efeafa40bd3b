"""Stop working for a client that has left."""

import asyncio
from types import TracebackType

from gateway.http import ClientGone, Exchange


class Departure:
    """Inside `with`, a client's leaving interrupts whatever is awaited and raises ClientGone."""

    __slots__ = ("_inside", "_task", "_watcher", "gone")

    def __init__(self, exchange: Exchange) -> None:
        self.gone = False
        self._inside = False
        self._task = asyncio.current_task()
        self._watcher = asyncio.ensure_future(exchange.client_left())
        self._watcher.add_done_callback(self._left)

    def _left(self, watcher: "asyncio.Future[None]") -> None:
        if watcher.cancelled():
            return
        self.gone = True
        if self._inside and self._task:
            self._task.cancel()

    def __enter__(self) -> "Departure":
        if self.gone:
            raise ClientGone
        self._inside = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = False
        if kind is asyncio.CancelledError and self.gone and self._task:
            self._task.uncancel()
            raise ClientGone from error

    def close(self) -> None:
        """Stop watching."""
        self._watcher.cancel()
