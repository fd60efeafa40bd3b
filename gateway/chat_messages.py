"""Check the messages of a chat request."""

from typing import Any

from gateway import errors

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


def check_messages(messages: Any) -> list[dict[str, Any]]:
    """The messages; raises ApiError 400 with the path of what is wrong, such as `messages[0].role`."""
    if not isinstance(messages, list):
        raise errors.invalid_type("messages", "an array of messages")
    if not messages:
        raise errors.invalid_value("messages", "at least one message")
    for number, message in enumerate(messages):
        path = f"messages[{number}]"
        if not isinstance(message, dict):
            raise errors.invalid_type(path, "an object")
        _check_message(message, path)
    return messages


def _check_message(message: dict[str, Any], path: str) -> None:
    role = message.get("role")
    if role is None:
        raise errors.missing(f"{path}.role")
    if not isinstance(role, str):
        raise errors.invalid_type(f"{path}.role", "a string")
    if role not in ROLES:
        raise errors.invalid_value(f"{path}.role", f"one of {', '.join(sorted(ROLES))}")
    if role == "assistant":
        _check_calls(message.get("tool_calls"), f"{path}.tool_calls")
    elif role == "tool":
        _check_text(message, "tool_call_id", path)
    _check_content(message, role, path)


def _check_text(holder: dict[str, Any], name: str, path: str) -> None:
    value = holder.get(name)
    if value is None:
        raise errors.missing(f"{path}.{name}")
    if not isinstance(value, str):
        raise errors.invalid_type(f"{path}.{name}", "a string")


def _check_content(message: dict[str, Any], role: str, path: str) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        if role == "assistant" and message.get("tool_calls"):
            return
        raise errors.missing(f"{path}.content")
    if not isinstance(content, list):
        raise errors.invalid_type(f"{path}.content", "a string or an array of text parts")
    if not content:
        raise errors.invalid_value(f"{path}.content", "at least one part")
    for number, part in enumerate(content):
        _check_part(part, f"{path}.content[{number}]")


def _check_part(part: Any, path: str) -> None:
    if not isinstance(part, dict):
        raise errors.invalid_type(path, 'an object {"type": "text", "text": "..."}')
    kind = part.get("type")
    if kind is None:
        raise errors.missing(f"{path}.type")
    if not isinstance(kind, str):
        raise errors.invalid_type(f"{path}.type", "a string")
    if kind != "text":
        raise errors.invalid_value(f"{path}.type", '"text"; other kinds of content are not supported')
    _check_text(part, "text", path)


def _check_calls(calls: Any, path: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise errors.invalid_type(path, "an array of tool calls")
    for number, call in enumerate(calls):
        here = f"{path}[{number}]"
        if not isinstance(call, dict):
            raise errors.invalid_type(here, "an object")
        _check_text(call, "id", here)
        function = call.get("function")
        if function is None:
            raise errors.missing(f"{here}.function")
        if not isinstance(function, dict):
            raise errors.invalid_type(f"{here}.function", "an object")
        _check_text(function, "name", f"{here}.function")
        _check_text(function, "arguments", f"{here}.function")
