"""What the demo provider answers: the last user message again, in the form that the request asks for."""

import codecs
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from gateway import tokens
from gateway.demo.instance import instance


class BadRequest(ValueError):
    """The body is not a chat completion request."""


@dataclass(frozen=True, slots=True)
class Echo:
    """One answer before it is sent; counts are in tokens."""

    id: str
    created: int
    model: str
    prompt_tokens: int
    answer: list[int]  # token numbers of the text, or of the call's arguments
    tool: str | None  # the function that is called instead of an answer in words
    finish_reason: str
    stream: bool
    include_usage: bool

    @property
    def completion_tokens(self) -> int:
        """Tokens that are sent: of the answer, and of the name of the called function."""
        return len(self.answer) + (tokens.count_text(self.tool) if self.tool else 0)

    def usage(self) -> dict[str, int]:
        """The usage object; nothing is ever cached."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_cache_hit_tokens": 0,
            "prompt_cache_miss_tokens": self.prompt_tokens,
        }

    def pieces(self) -> Iterator[str]:
        """The text token by token; empty while a token ends inside a character, which comes whole with a later one."""
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        for token in self.answer:
            yield decoder.decode(tokens.decode_bytes([token]))


def read(body: bytes) -> Echo:
    """The answer to a request; raises BadRequest. Takes up to a second for a body of several MiB."""
    try:
        return _echo(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"A member of the request has the wrong type: {error}") from error


def _echo(request: dict[str, Any]) -> Echo:
    messages = request["messages"]
    said = _last_words(messages)
    tool = _called_tool(request)
    text = _arguments(tool, said) if tool else _before_stop(_formatted(request, said), request.get("stop"))
    name = str(tool["name"]) if tool else None
    answer, finish_reason = tokens.encode(text), "tool_calls" if tool else "stop"
    most = _max_tokens(request)
    room = max(0, most - tokens.count_text(name)) if name and most is not None else most
    if room is not None and room < len(answer):
        answer, finish_reason = answer[:room], "length"
    options = request.get("stream_options") or {}
    return Echo(
        id=f"chatcmpl-{uuid4().hex}",
        created=int(time.time()),
        model=str(request.get("model", "")),
        prompt_tokens=tokens.count_prompt(messages, request.get("tools")),
        answer=answer,
        tool=name,
        finish_reason=finish_reason,
        stream=bool(request.get("stream")),
        include_usage=bool(options.get("include_usage")),
    )


def _last_words(messages: list[dict[str, Any]]) -> str:
    users = [message for message in messages if message.get("role") == "user"]
    for message in reversed(users or messages):
        return tokens.content_text(message.get("content"))
    return ""


def _max_tokens(request: dict[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = request.get(name)
        if isinstance(value, int):
            return max(0, value)
    return None


def _before_stop(text: str, stop: Any) -> str:
    for word in [stop] if isinstance(stop, str) else stop or []:
        if word and word in text:
            text = text[: text.index(word)]
    return text


def _formatted(request: dict[str, Any], said: str) -> str:
    wanted = request.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return _json(instance((wanted.get("json_schema") or {}).get("schema") or {"type": "object"}, said))
    if wanted.get("type") == "json_object":
        return said if _is_json_object(said) else _json({"content": said})
    return said


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _called_tool(request: dict[str, Any]) -> dict[str, Any] | None:
    """The function that the request insists on; with `auto` the answer is in words."""
    functions = [tool["function"] for tool in request.get("tools") or [] if isinstance(tool.get("function"), dict)]
    choice = request.get("tool_choice")
    if choice == "required":
        return functions[0] if functions else None
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        return next((function for function in functions if function.get("name") == name), None)
    return None


def _arguments(function: dict[str, Any], said: str) -> str:
    found = instance(function.get("parameters") or {"type": "object"}, said)
    return _json(found if isinstance(found, dict) else {})


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
