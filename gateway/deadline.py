"""A limit of time for what every request does: one timer, and none of the rest of asyncio.timeout."""

import asyncio
from types import TracebackType


class Deadline:
    """Inside `with`, what is awaited is interrupted after so many seconds, and TimeoutError raised."""

    __slots__ = ("_is_over", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._is_over = False
        self._task = asyncio.current_task(loop)
        self._timer = loop.call_later(seconds, self._end)

    def _end(self) -> None:
        self._is_over = True
        if self._task:
            self._task.cancel()

    def __enter__(self) -> "Deadline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Cancelled by somebody else as well: that is for them to hear.
        if self._is_over and self._task and self._task.uncancel() <= 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error
