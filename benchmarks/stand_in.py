"""A stand-in for a model server: `python -m benchmarks.stand_in --log FILE` produces exactly max_tokens tokens.

It counts the input with the real tokenizer, reports both in `usage`, and writes what it reported to the log: the `user`
member of the request, input tokens, output tokens, 1 for a stream. Its first line is its port; it ends with its input.
"""

import argparse
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from benchmarks.words import Words
from gateway import tokens
from gateway.demo.listener import serve

_STREAM = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
_JSON = (b"content-type", b"application/json")
# Chunks that are sent in one write.
_BURST = 32


class StandIn:
    """ASGI application; `log` is an open file descriptor."""

    def __init__(self, log: int) -> None:
        self._log = log
        self._words = Words()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if scope["method"] != "POST":
            await _send(send, 404, [_JSON], b"{}")
            return
        request = orjson.loads(body)
        count = await tokens.count_prompt_aside(request["messages"], request.get("tools"), len(body))
        usage = {
            "prompt_tokens": count,
            "completion_tokens": request["max_tokens"],
            "total_tokens": count + request["max_tokens"],
        }
        os.write(self._log, b"%s,%d,%d,%d\n" % _line(request, usage))
        if request.get("stream"):
            await self._stream(request, usage, send)
        else:
            answer = orjson.dumps(_completion(request, usage, self._words))
            await _send(send, 200, [_JSON, (b"content-length", b"%d" % len(answer))], answer)

    async def _stream(self, request: dict[str, Any], usage: dict[str, int], send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        events = _events(request, usage, self._words)
        while burst := b"".join(islice(events, _BURST)):
            await send({"type": "http.response.body", "body": burst, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _line(request: dict[str, Any], usage: dict[str, int]) -> tuple[bytes, int, int, int]:
    name = str(request.get("user", "")).encode()
    return name, usage["prompt_tokens"], usage["completion_tokens"], int(bool(request.get("stream")))


def _completion(request: dict[str, Any], usage: dict[str, int], words: Words) -> dict[str, Any]:
    message = {"role": "assistant", "content": words.text(usage["completion_tokens"])}
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "length"}],
        "usage": usage,
    }


def _events(request: dict[str, Any], usage: dict[str, int], words: Words) -> Iterator[bytes]:
    head = {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": request["model"],
    }
    yield _event(head, {"role": "assistant", "content": ""})
    for piece in words.pieces(usage["completion_tokens"]):
        yield _event(head, {"content": piece})
    yield _event(head, {}, "length")
    if (request.get("stream_options") or {}).get("include_usage"):
        yield b"data: " + orjson.dumps({**head, "choices": [], "usage": usage}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _event(head: dict[str, Any], delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"


async def _send(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="A model server that produces exactly the tokens asked for.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to append what was reported to")
    options = parser.parse_args()
    tokens.warm()
    log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    serve(StandIn(log), options.port)


if __name__ == "__main__":
    main()
