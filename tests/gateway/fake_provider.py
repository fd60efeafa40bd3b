"""A provider that misbehaves on demand: the last user message says how."""

import asyncio
import contextlib
import json
import threading
from typing import Any

from aiohttp import web

from tests.waiting import LONG

WORDS = ["One", " two", " three", " four", " five", " six", " seven", " eight", " nine", " ten"]
USAGE = {"prompt_tokens": 12, "completion_tokens": 10, "total_tokens": 22}


def reasoned(how: str) -> dict[str, Any]:
    """`reasoning:6`: six of the ten output tokens; other details are a provider's own."""
    said = json.loads(how.partition(":")[2])
    return {**USAGE, "completion_tokens_details": {"reasoning_tokens": said, "accepted_prediction_tokens": 1}}


class FakeProvider:
    """Listens on loopback; counts calls and notices how they ended."""

    def __init__(self) -> None:
        self.calls = 0
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.stopped = threading.Event()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(LONG)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()

    async def _start(self) -> None:
        app = web.Application(client_max_size=16 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(LONG)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONG)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        how = body["messages"][-1]["content"]
        try:
            if how.startswith("status:"):
                status = int(how.split(":")[1])
                error = {"error": {"message": f"bad thing at {self.base_url}" if "named" in how else "bad thing"}}
                return web.json_response(error, status=status, headers={"Retry-After": "7"} if status == 429 else {})
            if how == "hang":
                await asyncio.sleep(5 * LONG)
            if body.get("stream"):
                return await self._stream(request, how, body)
            return web.json_response(self._completion(how))
        except asyncio.CancelledError:
            self.stopped.set()
            raise

    def _completion(self, how: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(WORDS)}
        answer: dict[str, Any] = {
            "id": "x",
            "object": "weird",
            "model": "secret-upstream-name",
            "choices": [{"index": 0, "message": message, "finish_reason": "eos" if how == "odd" else "stop"}],
            "usage": USAGE,
        }
        if how == "no usage":
            del answer["usage"]
        if how == "zero usage":
            answer["usage"] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        if how == "cached":
            answer["usage"] = {**USAGE, "prompt_cache_hit_tokens": 5}
        if how.startswith("reasoning"):
            answer["usage"] = reasoned(how)
        if how == "over":
            answer["usage"] = {"prompt_tokens": 12, "completion_tokens": 100_000, "total_tokens": 100_012}
        return {"surprise": 1} if how == "nonsense" else answer

    async def _stream(self, request: web.Request, how: str, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        end = "\r\n\r\n" if how == "crlf" else "\n\n"

        async def send(text: str) -> None:
            raw = text.encode()
            if how in ("split", "crlf"):
                for number in range(0, len(raw), 3):
                    await response.write(raw[number : number + 3])
                    await asyncio.sleep(0)
            else:
                await response.write(raw)

        def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return "data: " + json.dumps({"id": "u", "model": "secret", "choices": [choice], **more}) + end

        await send(": hello" + end)
        if how == "late":
            await asyncio.sleep(2)
        for number, word in enumerate([*WORDS, " é🚀"] if how == "split" else WORDS):
            await send(chunk({"content": word}))
            if how == "reset" and number == 4:
                assert request.transport is not None
                request.transport.abort()
                return response
            if how == "error" and number == 4:
                await send('data: {"error": {"message": "boom"}}' + end)
                return response
            if how == "slow":
                await asyncio.sleep(0.05)
            if how == "stuck" and number == 4:
                await asyncio.sleep(5 * LONG)
        if how == "no end":
            return response
        await send(chunk({}, "stop"))
        asked = body.get("stream_options", {}).get("include_usage")
        if asked and how != "no usage":
            usage = reasoned(how) if how.startswith("reasoning") else USAGE
            await send("data: " + json.dumps({"id": "u", "choices": [], "usage": usage}) + end)
        if how == "unfinished":
            await send("data: [DONE]")
        else:
            await send("data: [DONE]" + end)
        with contextlib.suppress(ConnectionResetError):
            await response.write_eof()
        return response
