"""Bring a provider's answers into the wire contract's shape: whole completions and single chunks."""

import time
from typing import Any

import orjson

from gateway import chunk_pattern, usage_meter
from gateway.chunk_pattern import ChunkPattern
from gateway.sse import DONE
from gateway.usage_meter import OutputMeter
from usage.counts import TokenCounts

_FINISH = frozenset({"stop", "length", "tool_calls", "content_filter"})
# A provider whose chunks differ in more than their text each time is not worth another try.
_MOST_PATTERNS = 4


class Malformed(ValueError):
    """The provider sent something that is no completion."""


def _finish_reason(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) and value in _FINISH else "stop"


def completion_id(request_id: str) -> str:
    """The id of an answer, made from the request's so that either finds the other."""
    return f"chatcmpl-{request_id.removeprefix('req_')}"


class Completion:
    """A whole JSON answer, checked and normalised; `counts` is what the provider reports, if it does."""

    __slots__ = ("_data", "counts", "finish_reason", "meter")

    def __init__(self, body: bytes, model: str, request_id: str) -> None:
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Malformed("not JSON") from error
        choices = data.get("choices") if isinstance(data, dict) else None
        if not isinstance(choices, list) or not choices:
            raise Malformed("no choices")
        self.meter = OutputMeter()
        data["choices"] = [self._choice(number, choice) for number, choice in enumerate(choices)]
        self.finish_reason: str = data["choices"][0]["finish_reason"]
        data["id"] = completion_id(request_id)
        data["object"] = "chat.completion"
        data["created"] = int(time.time())
        data["model"] = model
        self.counts = usage_meter.reported(data.get("usage"))
        self._data = data

    def _choice(self, number: int, choice: Any) -> dict[str, Any]:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise Malformed("a choice without a message")
        choice["index"] = number
        choice["finish_reason"] = _finish_reason(choice.get("finish_reason")) or "stop"
        choice.setdefault("logprobs", None)
        message = choice["message"]
        message["role"] = "assistant"
        message.setdefault("content", None)
        if message["content"] is None and not message.get("tool_calls"):
            message["content"] = ""
        self.meter.add_choice(choice)
        return choice

    def body(self, counts: TokenCounts) -> bytes:
        """The JSON for the client, with the usage that is billed."""
        usage = self._data.get("usage")
        kept = usage if isinstance(usage, dict) else {}
        billed = usage_meter.as_object(counts)
        # The provider's own details say more than the one number that is recorded.
        billed.pop("completion_tokens_details", None)
        self._data["usage"] = {**kept, **billed}
        return orjson.dumps(self._data)


class ChunkWriter:
    """Writes a stream's chunks: one id, created and model; the role first; the end of a choice held back.

    A chunk that ends a choice is kept until the request is settled, so that whatever the client saw complete is on
    record.
    """

    __slots__ = ("_base", "_begun", "_ends", "_pattern", "_patterns", "finish_reason", "meter", "usage")

    def __init__(self, model: str, request_id: str) -> None:
        self._base: dict[str, Any] = {
            "id": completion_id(request_id),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._begun = False
        self._ends: dict[str, Any] | None = None
        self._pattern: ChunkPattern | None = None
        self._patterns = 0
        self.finish_reason: str | None = None
        self.usage: TokenCounts | None = None
        self.meter = OutputMeter()

    def take_all(self, events: list[bytes]) -> tuple[bytes, bool, Malformed | None]:
        """What can be sent of these events, whether [DONE] was among them, and what was wrong with the next one."""
        ready: list[bytes] = []
        at = 0
        while at < len(events):
            if self._pattern is not None and at + 1 < len(events):
                run = self._pattern.read_run(events, at)
                if run is not None:
                    self.meter.add_texts(run[0])
                    ready.append(run[1])
                    at += len(run[0])
                    continue
            event = events[at]
            if DONE in event and event.strip() == DONE:
                return b"".join(ready), True, None
            try:
                ready.append(self.take(event))
            except Malformed as error:
                return b"".join(ready), False, error
            at += 1
        return b"".join(ready), False, None

    def take(self, data: bytes) -> bytes:
        """The event for the client, empty when there is nothing to send yet; raises Malformed."""
        if self._pattern is not None and (known := self._pattern.read(data)) is not None:
            self.meter.add_text(known[0])
            return known[1]
        return self._parse(data)

    def _parse(self, data: bytes) -> bytes:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise Malformed("a chunk that is not JSON") from error
        if not isinstance(chunk, dict) or chunk.get("error"):
            raise Malformed("an error in the stream")
        found = usage_meter.reported(chunk.get("usage"))
        if found is not None:
            self.usage = found
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            return b""
        # One choice a request (n = 1): others are not ours to bill or to show.
        choice = choices[0]
        if not isinstance(choice, dict):
            raise Malformed("a choice that is no object")
        is_first = not self._begun
        event = self._choice(chunk, choice)
        if event and not is_first and self._patterns < _MOST_PATTERNS:
            self._learn(data, chunk, choice)
        return event

    def _learn(self, data: bytes, chunk: dict[str, Any], choice: dict[str, Any]) -> None:
        """Expect more chunks like this one; it was written, and it was not the first."""
        self._patterns += 1
        delta = choice.get("delta")
        name = chunk_pattern.text_of(delta) if isinstance(delta, dict) else None
        if name is None or chunk.get("usage"):
            return
        like = {**choice, "delta": chunk_pattern.marked(choice["delta"], name)}
        expected = {**chunk, "choices": [like, *chunk["choices"][1:]]}
        self._pattern = chunk_pattern.pattern_of(data, name, expected, self._event(_written(like), chunk))

    def _choice(self, chunk: dict[str, Any], choice: dict[str, Any]) -> bytes:
        self.meter.add_choice(choice)
        written = _written(choice)
        if not self._begun:
            self._begun = True
            delta = {**written["delta"], "role": "assistant"}
            delta.setdefault("content", None if delta.get("tool_calls") else "")
            written["delta"] = delta
        ended = _finish_reason(choice.get("finish_reason"))
        if ended is None:
            if self.finish_reason is not None:
                # Nothing belongs after the end of a choice.
                return b""
            return self._event(written, chunk)
        if self.finish_reason is None:
            self.finish_reason = ended
            self._pattern = None
            self._ends = {"choice": written, "chunk": chunk}
        return b""

    def _event(self, choice: dict[str, Any], chunk: dict[str, Any]) -> bytes:
        out = {**self._base, "choices": [choice]}
        fingerprint = chunk.get("system_fingerprint")
        if fingerprint is not None:
            out["system_fingerprint"] = fingerprint
        return b"data: " + orjson.dumps(out) + b"\n\n"

    def ending(self, counts: TokenCounts, *, include_usage: bool) -> bytes:
        """The last chunk of the choice, the usage chunk if it was asked for, and [DONE]; after settling."""
        held = self._ends or {"choice": self._bare_choice(), "chunk": {}}
        held["choice"]["finish_reason"] = self.finish_reason or "stop"
        out = self._event(held["choice"], held["chunk"])
        if include_usage:
            usage = {**self._base, "choices": [], "usage": usage_meter.as_object(counts)}
            out += b"data: " + orjson.dumps(usage) + b"\n\n"
        return out + b"data: [DONE]\n\n"

    def _bare_choice(self) -> dict[str, Any]:
        delta = {} if self._begun else {"role": "assistant", "content": ""}
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}


def _written(choice: dict[str, Any]) -> dict[str, Any]:
    """A chunk's choice as the client gets it, before its end."""
    delta = choice.get("delta")
    return {
        "index": 0,
        "delta": delta if isinstance(delta, dict) else {},
        "logprobs": choice.get("logprobs"),
        "finish_reason": None,
    }
