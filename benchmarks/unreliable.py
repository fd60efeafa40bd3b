"""A model server that misbehaves by chance: `python -m benchmarks.unreliable --seed 1 --log FILE`.

What happens to a request is chosen by the seed and the request's `user` member, so the same request always meets the
same fate. The log has a line for each request that arrived: its `user` and what was done. The first line of output is
the port; it ends with its input.
"""

import argparse
import asyncio
import logging
import os
import random
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from benchmarks.words import Words
from gateway import tokens

# How often, of a hundred, each happens in a storm.
STORM = {
    "fast": 34,
    "full": 10,
    "slow": 16,
    "no usage": 8,
    "zero usage": 4,
    "over": 6,
    "reset": 6,
    "cut": 5,
    "refused": 6,
    "hang": 5,
}
_MOST_TOKENS = 60
_HANG_SECONDS = 120
# Closing with this sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request. `output`: tokens of the answer; `usage`: what is reported, if anything is."""

    behaviour: str
    output: int
    usage: dict[str, Any] | None
    pause: float

    @property
    def breaks(self) -> bool:
        return self.behaviour in ("reset", "cut")


class Unreliable:
    """The handlers; `log` is an open file descriptor."""

    def __init__(self, seed: str, behaviours: dict[str, int], log: int) -> None:
        self._seed = seed
        self._behaviours = behaviours
        self._log = log
        self._words = Words()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        name = str(body.get("user", ""))
        fate = self._fate(name, body)
        os.write(self._log, f"{name},{fate.behaviour}\n".encode())
        if fate.behaviour == "hang":
            await asyncio.sleep(_HANG_SECONDS)
        if fate.behaviour in ("hang", "refused"):
            return web.json_response({"error": {"message": "overloaded"}}, status=503)
        return await (self._stream if body.get("stream") else self._whole)(request, fate)

    def _fate(self, name: str, body: dict[str, Any]) -> Fate:
        chance = random.Random(f"{self._seed}/{name}")
        [behaviour] = chance.choices(list(self._behaviours), weights=list(self._behaviours.values()))
        cap = body["max_tokens"]
        output = cap if behaviour == "full" else chance.randint(1, min(cap, _MOST_TOKENS))
        put = tokens.count_prompt(body["messages"], body.get("tools"))
        reported = (put, output)
        if behaviour == "over":
            reported = (put, cap + chance.randint(1, 5_000))
        elif behaviour == "zero usage":
            reported = (0, 0)
        usage = {"prompt_tokens": reported[0], "completion_tokens": reported[1], "total_tokens": sum(reported)}
        pause = chance.uniform(0.005, 0.08) if behaviour == "slow" else 0.0
        return Fate(behaviour, output, None if behaviour == "no usage" else usage, pause)

    # ---------------------------------------------------------------- answers

    async def _whole(self, request: web.Request, fate: Fate) -> web.StreamResponse:
        await asyncio.sleep(fate.pause * fate.output)
        message = {"role": "assistant", "content": self._words.text(fate.output)}
        answer: dict[str, Any] = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        if fate.usage:
            answer["usage"] = fate.usage
        body = orjson.dumps(answer)
        if not fate.breaks:
            return web.Response(body=body, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return await _broken(request, response, fate)

    async def _stream(self, request: web.Request, fate: Fate) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pieces = self._words.pieces(fate.output)
        if fate.breaks:
            pieces = pieces[: len(pieces) // 2]
        if fate.pause or fate.breaks:
            for piece in pieces:
                await response.write(_chunk({"content": piece}))
                await asyncio.sleep(fate.pause)
        else:
            await response.write(b"".join(_chunk({"content": piece}) for piece in pieces))
        if fate.breaks:
            return await _broken(request, response, fate)
        await response.write(_chunk({}, "stop"))
        if fate.usage:
            await response.write(b"data: " + orjson.dumps({"choices": [], "usage": fate.usage}) + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response


def _chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"


async def _broken(request: web.Request, response: web.StreamResponse, fate: Fate) -> web.StreamResponse:
    """End an answer in its middle: with a reset, or as if that were all."""
    if fate.behaviour == "reset" and request.transport is not None:
        # What was written so far may arrive first.
        await asyncio.sleep(0.02)
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        request.transport.abort()
    return response


# ---------------------------------------------------------------- the process


async def _serve(unreliable: Unreliable) -> None:
    application = web.Application(client_max_size=16 << 20)
    application.router.add_post("/v1/chat/completions", unreliable.chat)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="A model server that misbehaves by chance.")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to append each request to")
    parser.add_argument("--behaviour", action="append", choices=list(STORM), help="only these, equally often")
    options = parser.parse_args()
    # A gateway that left while we spoke is no fault of ours.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    tokens.warm()
    log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    behaviours = dict.fromkeys(options.behaviour, 1) if options.behaviour else STORM
    asyncio.run(_serve(Unreliable(options.seed, behaviours, log)))


if __name__ == "__main__":
    main()
