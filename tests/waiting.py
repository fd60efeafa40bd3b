"""Wait for what happens a moment later: as long as a busy machine may take, and no longer than it does take."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

# Longer than anything takes that happens at all.
LONG = 60.0


def until(condition: Callable[[], object], seconds: float = LONG, every: float = 0.05) -> bool:
    """Whether it came true in time; looks at once, and a last time at the end."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(every)
    return True


async def eventually(
    condition: Callable[[], object | Awaitable[object]], seconds: float = LONG, every: float = 0.02
) -> bool:
    """The same where there is an event loop; the condition may have to be awaited."""
    ends = time.monotonic() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found or time.monotonic() > ends:
            return bool(found)
        await asyncio.sleep(every)


def not_over_midnight(seconds: float = LONG) -> None:
    """Begin after the turn of the day, and of what else turns then, rather than shortly before it; in UTC."""
    now = datetime.now(UTC)
    left = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - now
    if left < timedelta(seconds=seconds):
        time.sleep(left.total_seconds() + 0.1)
