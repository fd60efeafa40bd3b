"""Whoever waits for a client that leaves, or for too long, is interrupted; others are not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.deadline import Deadline
from gateway.departure import Departure
from gateway.http import ClientGone, Exchange

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


class Client:
    """Leaves when told."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if self.asked == 1:
            # More of a request may come; and not every server waits for a future alone.
            await asyncio.sleep(0)
            return {"type": "http.request"}
        await self.left.wait()
        return {"type": "http.disconnect"}


def departure_of(receive: Callable[[], Awaitable[dict[str, Any]]]) -> Departure:
    async def send(_: dict[str, Any]) -> None: ...

    return Departure(Exchange(SCOPE, receive, send))


async def turns() -> None:
    """Of the loop, as many as whatever is ready may need."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_leaving_interrupts_what_is_awaited():
    client = Client()
    departure = departure_of(client.receive)
    asyncio.get_running_loop().call_later(0.02, client.left.set)
    with pytest.raises(ClientGone), departure:
        await asyncio.sleep(60)
    departure.close()
    # And is forgotten: what follows can be awaited.
    await asyncio.sleep(0)
    assert departure.gone


async def test_who_left_before_is_noticed_at_once():
    client = Client()
    departure = departure_of(client.receive)
    client.left.set()
    await turns()
    with pytest.raises(ClientGone), departure:
        raise AssertionError
    departure.close()


async def test_leaving_outside_interrupts_nothing():
    client = Client()
    departure = departure_of(client.receive)
    with departure:
        await asyncio.sleep(0)
    client.left.set()
    await turns()
    departure.close()
    assert departure.gone


async def test_after_closing_nothing_is_noticed():
    client = Client()
    departure = departure_of(client.receive)
    with departure:
        await turns()
    departure.close()
    client.left.set()
    await turns()
    assert not departure.gone
    assert client.asked == 2


async def test_closing_before_the_first_turn_of_the_loop():
    client = Client()
    departure_of(client.receive).close()
    await turns()
    assert client.asked == 1


async def test_a_server_that_breaks_has_no_client():
    async def broken() -> dict[str, Any]:
        raise RuntimeError("no more")

    departure = departure_of(broken)
    with pytest.raises(ClientGone), departure:
        raise AssertionError
    departure.close()


async def test_another_cancellation_is_not_a_departure():
    client = Client()

    async def work() -> None:
        departure = departure_of(client.receive)
        try:
            with departure:
                await asyncio.sleep(60)
        finally:
            departure.close()

    task = asyncio.create_task(work())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_interrupts_what_takes_too_long():
    with pytest.raises(TimeoutError), Deadline(0.01):
        await asyncio.sleep(60)
    with Deadline(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)


async def test_a_deadline_leaves_another_cancellation_alone():
    async def work() -> None:
        with Deadline(60):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
