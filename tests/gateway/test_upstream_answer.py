"""An answer owns its connection until it gives it back, and never touches it afterwards."""

import asyncio

import pytest

from billing.terms import UpstreamTarget
from gateway import upstream
from gateway.options import GatewayOptions
from gateway.provider_pool import ProviderPool, place_of
from gateway.upstream import Answer
from tests.gateway.raw_provider import RawProvider, read_request, says
from tests.waiting import LONG

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"5\r\nhello\r\n"
END = b"0\r\n\r\n"


async def begun(
    pool: ProviderPool, provider: RawProvider, notes: list[str] | None = None, idle: float = LONG
) -> Answer:
    place = place_of(provider.url, "")
    target = UpstreamTarget(1, "p", "http://127.0.0.1/v1", "", "up")

    def note(provider_id: int, failure: str) -> None:
        if notes is not None:
            notes.append(failure)

    options = GatewayOptions(idle_timeout=idle)
    return Answer(await pool.post(place, b"{}", LONG), pool, place, target, options, note)


async def test_what_was_given_back_is_not_stopped():
    async with RawProvider(says(HEAD + CHUNK + END)) as provider:
        pool = ProviderPool(LONG)
        first = await begun(pool, provider)
        assert first.is_stream
        assert await first.body() == b"hello"
        second = await begun(pool, provider)
        first.stop()
        await first.done()
        assert await first.part() == b""
        assert await second.body() == b"hello"
        assert provider.connections == 1
        pool.close()


@pytest.mark.parametrize("most", [LONG, upstream._LAST_BYTES])
async def test_an_end_that_comes_late_is_waited_for_but_not_for_long(most, monkeypatch):
    monkeypatch.setattr(upstream, "_LAST_BYTES", most)
    pause = 0.02 if most > 1 else 2 * LONG

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            writer.write(HEAD + CHUNK)
            await asyncio.sleep(pause)
            writer.write(END)

    async with RawProvider(late) as provider:
        pool = ProviderPool(LONG)
        for _ in range(2):
            answer = await begun(pool, provider)
            assert await answer.part() == b"hello"
            await asyncio.wait_for(answer.done(), LONG)
        assert provider.connections == (1 if most > 1 else 2)
        pool.close()


async def test_silence_in_mid_answer_is_a_broken_connection():
    async with RawProvider(says(HEAD + CHUNK)) as provider:
        pool = ProviderPool(LONG)
        notes: list[str] = []
        answer = await begun(pool, provider, notes, idle=0.05)
        assert await answer.part() == b"hello" and notes == []
        with pytest.raises(ConnectionError):
            await answer.part()
        assert notes == ["broke off"]
        answer.stop()
        pool.close()
