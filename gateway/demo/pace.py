"""Sends the tokens of an answer at an even pace, however many answers are on their way."""

import asyncio
from collections.abc import AsyncIterator


class Pace:
    """A clock for one answer: token n is due n delays after the start, so that lateness does not add up."""

    def __init__(self, delay: float, gone: "asyncio.Future[None]") -> None:
        self._delay = delay
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()

    async def due(self, count: int) -> AsyncIterator[range]:
        """Numbers of the tokens that are due now, again and again until `count`; ends when the client is gone."""
        sent = 0
        while sent < count and not self._gone.done():
            ready = min(count, self._ready())
            if ready > sent:
                yield range(sent, ready)
                sent = ready
            else:
                await asyncio.sleep(self._start + self._delay * (sent + 1) - self._loop.time())

    async def wait(self, count: int) -> bool:
        """Wait until `count` tokens would be sent; False when the client left before."""
        left = self._start + self._delay * count - self._loop.time()
        done, _ = await asyncio.wait({self._gone}, timeout=max(0.0, left))
        return not done

    def _ready(self) -> int:
        if self._delay <= 0:
            return 1 << 62
        # A little more than the elapsed time: timers may fire a clock tick early.
        return int((self._loop.time() - self._start) / self._delay + 0.01)
