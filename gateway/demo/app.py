"""The demo provider's ASGI application: chat completions in JSON or as a stream, and a list of models."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import orjson

from gateway.demo.echo import BadRequest, Echo, read
from gateway.demo.pace import Pace

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Longer bodies are read in a thread, so that other answers keep their pace.
_LONG_BODY = 32_768
_DONE = b"data: [DONE]\n\n"


class DemoApp:
    """Repeats the last user message, `delay` seconds a token."""

    def __init__(self, delay: float) -> None:
        self._delay = delay

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"].removeprefix("/v1")
        if path == "/models" and scope["method"] == "GET":
            await _send_json(send, 200, {"object": "list", "data": [_model("demo")]})
        elif path == "/chat/completions" and scope["method"] == "POST":
            await self._complete(receive, send)
        else:
            await _send_json(send, 404, _error("There is no such route here."))

    async def _complete(self, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        try:
            echo = read(body) if len(body) < _LONG_BODY else await asyncio.to_thread(read, body)
        except BadRequest as error:
            await _send_json(send, 400, _error(str(error)))
            return
        gone = asyncio.ensure_future(_gone(receive))
        try:
            pace = Pace(self._delay, gone)
            if echo.stream:
                await _stream(echo, pace, send, gone)
            elif await pace.wait(echo.completion_tokens):
                await _send_json(send, 200, _completion(echo))
        finally:
            gone.cancel()


async def _body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


# ---------------------------------------------------------------- JSON


def _completion(echo: Echo) -> dict[str, Any]:
    text = "".join(echo.pieces())
    message: dict[str, Any] = {"role": "assistant", "content": None if echo.tool else text}
    if echo.tool:
        message["tool_calls"] = [_call(echo, text)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": echo.finish_reason}
    return {
        "id": echo.id,
        "object": "chat.completion",
        "created": echo.created,
        "model": echo.model,
        "choices": [choice],
        "usage": echo.usage(),
    }


def _call(echo: Echo, arguments: str) -> dict[str, Any]:
    id_ = "call_" + echo.id.removeprefix("chatcmpl-")[:24]
    return {"id": id_, "type": "function", "function": {"name": echo.tool, "arguments": arguments}}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1, "owned_by": "demo"}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


async def _send_json(send: Send, status: int, content: dict[str, Any]) -> None:
    body = orjson.dumps(content)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# ---------------------------------------------------------------- stream


async def _stream(echo: Echo, pace: Pace, send: Send, gone: "asyncio.Future[None]") -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await _send_part(send, _chunk(echo, _opening(echo)))
    pieces = _piece_chunks(echo)
    async for due in pace.due(len(echo.answer)):
        await _send_part(send, b"".join(next(pieces) for _ in due))
    if not gone.done():
        await send({"type": "http.response.body", "body": _closing(echo)})


async def _send_part(send: Send, body: bytes) -> None:
    if body:
        await send({"type": "http.response.body", "body": body, "more_body": True})


def _opening(echo: Echo) -> dict[str, Any]:
    if echo.tool:
        return {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **_call(echo, "")}]}
    return {"role": "assistant", "content": ""}


def _piece_chunks(echo: Echo) -> Iterator[bytes]:
    """One event a token; nothing for a token that ends inside a character."""
    for piece in echo.pieces():
        if not piece:
            yield b""
        elif echo.tool:
            yield _chunk(echo, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        else:
            yield _chunk(echo, {"content": piece})


def _closing(echo: Echo) -> bytes:
    last = _chunk(echo, {}, echo.finish_reason)
    if echo.include_usage:
        last += _event(echo, [], {"usage": echo.usage()})
    return last + _DONE


def _chunk(echo: Echo, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return _event(echo, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}], {})


def _event(echo: Echo, choices: list[dict[str, Any]], more: dict[str, Any]) -> bytes:
    head = {"id": echo.id, "object": "chat.completion.chunk", "created": echo.created, "model": echo.model}
    return b"data: " + orjson.dumps({**head, "choices": choices, **more}) + b"\n\n"
