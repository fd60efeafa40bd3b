"""A settlement that was begun is made, whatever becomes of the request that began it."""

import asyncio

import pytest

from billing.terms import Admission
from gateway.bridge import Bridge
from tests.billing.desk import ask, outcome, serve_all_models
from tests.people import house
from usage.models import UsageEvent

pytestmark = pytest.mark.database


@pytest.mark.parametrize("is_cancelled_before", [True, False])
async def test_cancelling_does_not_take_it_back(own_database, tmp_path, settings, is_cancelled_before):
    settings.DATA_DIR = tmp_path
    bridge = Bridge()

    def prepare():
        serve_all_models()
        return ask(*house(rpm=100_000).key())

    asked = await asyncio.to_thread(prepare)
    bridge.start()
    admitted = await bridge.admit(asked)
    assert isinstance(admitted, Admission)

    async def settle() -> None:
        if is_cancelled_before:
            task = asyncio.current_task()
            assert task
            task.cancel()
        await bridge.settle(outcome(admitted))

    task = asyncio.create_task(settle())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(bridge.stop)
    assert await asyncio.to_thread(UsageEvent.objects.count) == 1
