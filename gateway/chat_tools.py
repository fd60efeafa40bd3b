"""Check the tools, the tool choice and the response format of a chat request."""

from typing import Any

from gateway import errors

_CHOICES = frozenset({"none", "auto", "required"})
_FORMATS = frozenset({"text", "json_object", "json_schema"})


def check_tools(members: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The function tools, or None; raises ApiError 400 with the path of what is wrong."""
    tools = members.get("tools")
    names: set[str] = set()
    if tools is not None:
        if not isinstance(tools, list):
            raise errors.invalid_type("tools", "an array of tools")
        for number, tool in enumerate(tools):
            names.add(_check_tool(tool, f"tools[{number}]"))
    _check_choice(members.get("tool_choice"), names)
    return tools or None


def _check_tool(tool: Any, path: str) -> str:
    if not isinstance(tool, dict):
        raise errors.invalid_type(path, "an object")
    kind = tool.get("type")
    if kind is None:
        raise errors.missing(f"{path}.type")
    if kind != "function":
        raise errors.invalid_value(f"{path}.type", '"function"')
    function = tool.get("function")
    if function is None:
        raise errors.missing(f"{path}.function")
    if not isinstance(function, dict):
        raise errors.invalid_type(f"{path}.function", "an object")
    name = function.get("name")
    if name is None:
        raise errors.missing(f"{path}.function.name")
    if not isinstance(name, str):
        raise errors.invalid_type(f"{path}.function.name", "a string")
    if not name:
        raise errors.invalid_value(f"{path}.function.name", "a name")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise errors.invalid_type(f"{path}.function.parameters", "a JSON Schema object")
    return name


def _check_choice(choice: Any, names: set[str]) -> None:
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise errors.invalid_value("tool_choice", "none, auto, required or a named tool")
        if choice == "required" and not names:
            raise errors.invalid_value("tool_choice", "to be absent unless tools are given")
        return
    if not isinstance(choice, dict):
        raise errors.invalid_type("tool_choice", "a string or an object")
    function = choice.get("function")
    if choice.get("type") != "function" or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise errors.invalid_value("tool_choice", '{"type": "function", "function": {"name": "..."}}')
    if function["name"] not in names:
        raise errors.invalid_value("tool_choice", "the name of a tool that is in tools")


def check_response_format(members: dict[str, Any]) -> None:
    """Raises ApiError 400 unless the format is text, json_object or json_schema."""
    chosen = members.get("response_format")
    if chosen is None:
        return
    if not isinstance(chosen, dict):
        raise errors.invalid_type("response_format", "an object")
    kind = chosen.get("type")
    if kind is None:
        raise errors.missing("response_format.type")
    if not isinstance(kind, str):
        raise errors.invalid_type("response_format.type", "a string")
    if kind not in _FORMATS:
        raise errors.invalid_value("response_format.type", "text, json_object or json_schema")
    if kind == "json_schema" and not isinstance(chosen.get("json_schema"), dict):
        raise errors.invalid_type("response_format.json_schema", "an object with a name and a schema")
