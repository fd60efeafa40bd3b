"""Our own events: CloudEvents as objects, or as rows of a table with the members of `data` as columns."""

from typing import Any

from billing.ingestion.event import USAGE, Rejected
from billing.ingestion.mappings import reading

_NUMBERS = frozenset((
    "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "status", "duration_ms",
    "first_token_ms",
))  # fmt: skip
_ENVELOPE = frozenset(("specversion", "type", "source", "id", "time", "datacontenttype"))
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def events(record: dict[str, Any], source: str) -> list[dict[str, Any]]:
    """The event itself; a row without `data` becomes one, from `source` unless it names another."""
    return [record] if "data" in record else [_of_row(record, source)]


def _of_row(row: dict[str, Any], source: str) -> dict[str, Any]:
    given = {name: value for name, value in row.items() if value not in (None, "")}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "type": given.get("type", USAGE),
        "source": given.get("source", source),
        "id": str(given.get("id", "")),
    }
    if "time" in given:
        event["time"] = given["time"]
    data = {name: given[name] for name in given.keys() - _ENVELOPE}
    event["data"] = {name: _value(data, name) for name in sorted(data)}
    return event


def _value(data: dict[str, Any], name: str) -> Any:
    if name in _NUMBERS:
        return reading.whole(data, name)
    value = data[name]
    if name != "stream" or isinstance(value, bool):
        return value
    if (flag := _FLAGS.get(str(value).lower())) is None:
        raise Rejected("invalid_event", f"`stream` must be true or false, not {str(value)[:64]}.", "stream")
    return flag
