"""Stop working for a client that has left."""

import asyncio
from types import TracebackType
from typing import Any

from gateway.http import ClientGone, Exchange


class Departure:
    """Inside `with`, a client's leaving interrupts whatever is awaited and raises ClientGone.

    Waits for the server's word without a task of its own: it drives the waiting from one future to the next itself,
    because a task that is made and cancelled for each request costs more than all the rest of this.
    """

    __slots__ = ("_inside", "_is_closed", "_loop", "_task", "_waited", "_waiting", "gone")

    def __init__(self, exchange: Exchange) -> None:
        self.gone = False
        self._inside = False
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(self._loop)
        self._waited: Any = None
        self._waiting = exchange.client_left()
        self._go_on()

    def _go_on(self, _: object = None) -> None:
        if self._is_closed:
            return
        try:
            waited = self._waiting.send(None)
        except asyncio.CancelledError:
            self._waited = None
        except Exception:
            # It returned, or the server broke: there is nobody to answer.
            self._waited = None
            self._left()
        else:
            self._waited = waited
            if waited is None:
                # A bare yield: as soon as the loop comes round.
                self._loop.call_soon(self._go_on)
            else:
                # What a task does with a future that it is given.
                waited._asyncio_future_blocking = False
                waited.add_done_callback(self._go_on)

    def _left(self) -> None:
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
        self._is_closed = True
        if self._waited is not None:
            self._waited.remove_done_callback(self._go_on)
        self._waiting.close()
