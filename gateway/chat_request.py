"""Parse and check a chat completion request, member by member, in the order and words of the wire contract."""

from dataclasses import dataclass
from typing import Any

import orjson

from gateway import errors
from gateway.chat_messages import check_messages
from gateway.chat_tools import check_response_format, check_tools

_INT64 = 2**63
# How what gzip made begins.
_GZIP = b"\x1f\x8b"
_MOST_STOPS = 16


@dataclass(slots=True)
class ChatRequest:
    """A checked request; `members` is the client's own object, with defaults for null members dropped."""

    members: dict[str, Any]
    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    # None: the client named none.
    max_tokens: int | None
    stream: bool
    include_usage: bool


def parse(body: bytes) -> ChatRequest:
    """The request; raises ApiError 400 that names the member at fault. Unknown members are passed on."""
    members = _object(body)
    for name in ("model", "messages"):
        if members.get(name) is None:
            raise errors.missing(name)
    model = members["model"]
    if not isinstance(model, str):
        raise errors.invalid_type("model", "a string")
    if not model:
        raise errors.invalid_value("model", "the name of a model")
    messages = check_messages(members["messages"])
    _check_numbers(members)
    _check_stop(members)
    stream = _boolean(members, "stream")
    include_usage = _stream_options(members, stream)
    _check_logprobs(members)
    tools = check_tools(members)
    check_response_format(members)
    return ChatRequest(
        members=members,
        model=model,
        messages=messages,
        tools=tools,
        max_tokens=_max_tokens(members),
        stream=stream,
        include_usage=include_usage,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = "it is compressed; send it without Content-Encoding" if body.startswith(_GZIP) else _reason(error)
        raise errors.not_json(f"The request body is not valid JSON in UTF-8: {reason}.") from error
    if not isinstance(members, dict):
        raise errors.not_json("The request body must be a JSON object.")
    # null means the default for every optional member.
    return {name: value for name, value in members.items() if value is not None}


def _reason(error: orjson.JSONDecodeError) -> str:
    return f"{error.msg} (line {error.lineno}, column {error.colno})"


def _check_numbers(members: dict[str, Any]) -> None:
    _number(members, "temperature", 0, 2)
    _number(members, "top_p", 0, 1)
    _number(members, "presence_penalty", -2, 2)
    _number(members, "frequency_penalty", -2, 2)
    n = _integer(members, "n", 1, 128)
    if n is not None and n > 1:
        raise errors.invalid_value("n", "1; several choices in one request are not supported, send several requests")
    _integer(members, "seed", -_INT64, _INT64 - 1)


def _number(members: dict[str, Any], name: str, least: float, most: float) -> None:
    value = members.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise errors.invalid_type(name, f"a number from {least} to {most}")
    if not least <= value <= most:
        raise errors.invalid_value(name, f"a number from {least} to {most}")


def _integer(members: dict[str, Any], name: str, least: int, most: int) -> int | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, float) and not value.is_integer() and least <= value <= most:
        raise errors.invalid_type(name, "an integer")
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.invalid_type(name, "an integer")
    if not least <= value <= most:
        raise errors.invalid_value(name, f"an integer from {least} to {most}")
    return value


def _max_tokens(members: dict[str, Any]) -> int | None:
    """`max_completion_tokens` and `max_tokens` mean the same; both are checked, the newer counts."""
    found = []
    for name in ("max_completion_tokens", "max_tokens"):
        value = members.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            if isinstance(value, float) and value >= 2**63:
                raise errors.invalid_value(name, "an integer of at least 1")
            raise errors.invalid_type(name, "an integer of at least 1")
        if value < 1:
            raise errors.invalid_value(name, "an integer of at least 1")
        found.append(value)
    return found[0] if found else None


def _boolean(members: dict[str, Any], name: str) -> bool:
    value = members.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise errors.invalid_type(name, "true or false")
    return value


def _check_stop(members: dict[str, Any]) -> None:
    stop = members.get("stop")
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list):
        raise errors.invalid_type("stop", "a string or an array of strings")
    if len(stop) > _MOST_STOPS:
        raise errors.invalid_value("stop", f"at most {_MOST_STOPS} strings")
    if not all(isinstance(text, str) for text in stop):
        raise errors.invalid_type("stop", "an array of strings")


def _stream_options(members: dict[str, Any], stream: bool) -> bool:
    options = members.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise errors.invalid_type("stream_options", "an object")
    if not stream:
        raise errors.invalid_value("stream_options", "to be absent unless stream is true")
    include = options.get("include_usage")
    if include is None:
        return False
    if not isinstance(include, bool):
        raise errors.invalid_type("stream_options.include_usage", "true or false")
    return include


def _check_logprobs(members: dict[str, Any]) -> None:
    asked = _boolean(members, "logprobs")
    top = _integer(members, "top_logprobs", 0, 20)
    if top is not None and not asked:
        raise errors.invalid_value("top_logprobs", "to be absent unless logprobs is true")
