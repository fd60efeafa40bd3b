"""A usage event as somebody reports it: CloudEvents 1.0 in, one checked value out. No Django here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from usage.counts import TokenCounts

USAGE = "meterhouse.usage"
VOID = "meterhouse.usage.void"
AMEND = "meterhouse.usage.amend"
LONGEST_NAME = 200
_LARGEST = 2**31 - 1
_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens")
# With the length of the column that keeps it.
_TEXTS = {
    "key_id": 40, "project_id": 40, "model": 100, "request_id": 40, "finish_reason": 32, "error_code": 64,
    "event_id": LONGEST_NAME, "event_source": LONGEST_NAME,
}  # fmt: skip
_NUMBERS = (*_COUNTS, "reasoning_tokens", "status", "duration_ms", "first_token_ms")
_ATTRIBUTION = ("key_id", "project_id")
_DETAILS = (
    "reasoning_tokens",
    "request_id",
    "finish_reason",
    "error_code",
    "status",
    "duration_ms",
    "first_token_ms",
    "stream",
)
_MEMBERS = {
    USAGE: frozenset((*_COUNTS, "model", *_ATTRIBUTION, *_DETAILS)),
    VOID: frozenset(("event_id", "event_source")),
    AMEND: frozenset(("event_id", "event_source", *_COUNTS)),
}
_NEEDED = {
    USAGE: ("model", "input_tokens", "output_tokens"),
    VOID: ("event_id",),
    AMEND: ("event_id", "input_tokens", "output_tokens"),
}
# Source and id.
Name = tuple[str, str]


class Rejected(ValueError):
    """Not an event that can be recorded: a code, a sentence that helps, and the member that is wrong."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


@dataclass(slots=True)
class Reported:
    """One event; `counts` in disjoint classes (None for a void), `at` its time in UTC (None: when it arrives)."""

    type: str
    source: str
    id: str
    at: datetime | None
    counts: TokenCounts | None
    # Two events with the same id say the same when these are the same.
    digest: str
    # The checked members of `data`.
    data: dict[str, Any]
    # Of an organization's event, as its column has it; see `identity`.
    identity: str = ""

    @property
    def name(self) -> Name:
        """What tells the event from the organization's others."""
        return self.source, self.id

    @property
    def target(self) -> Name:
        """Source and id of the event that a correction is about."""
        return self.data.get("event_source", self.source), self.data["event_id"]


def read(value: Any) -> Reported:
    """The event in a decoded JSON object; raises Rejected."""
    if type(value) is not dict:
        raise Rejected("invalid_event", "An event is a JSON object.")
    kind = _envelope(value)
    source, external_id = _name(value, "source"), _name(value, "id")
    at = _time(value.get("time"))
    data = value.get("data")
    if type(data) is not dict:
        raise Rejected("invalid_event", "`data` must be a JSON object that says what was used.", "data")
    _check_members(kind, data)
    counts = None if kind == VOID else _counts(data)
    said = [kind, at, data]
    digest = hashlib.blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
    return Reported(kind, source, external_id, at, counts, digest, data)


def _envelope(value: dict[str, Any]) -> str:
    """The type of the event."""
    if value.get("specversion") != "1.0":
        raise Rejected("invalid_event", "`specversion` must be “1.0”: CloudEvents 1.0, structured JSON.", "specversion")
    kind = value.get("type")
    if type(kind) is not str or kind not in _MEMBERS:
        raise Rejected("invalid_event", f"`type` must be one of {', '.join(_MEMBERS)}.", "type")
    content_type = value.get("datacontenttype")
    if "data_base64" in value or (content_type is not None and not _is_json(content_type)):
        raise Rejected("invalid_event", "`data` must be JSON, not base64 or another content type.", "datacontenttype")
    return kind


def _is_json(content_type: object) -> bool:
    kept = content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""
    return kept == "application/json" or (kept.startswith("application/") and kept.endswith("+json"))


def _name(value: dict[str, Any], member: str) -> str:
    name = value.get(member)
    if type(name) is not str or not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        message = f"`{member}` must be a text of 1 to {LONGEST_NAME} characters that can be seen."
        raise Rejected("invalid_event", message, member)
    return name


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None or len(value) < len("2026-01-01T00:00Z"):
            raise ValueError
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        message = "`time` must be an instant with a zone, such as 2026-11-24T08:00:00Z."
        raise Rejected("invalid_event", message, "time") from error


def _check_members(kind: str, data: dict[str, Any]) -> None:
    """Each member is known and of its type; what is needed is there. Null says the same as nothing."""
    for name in [name for name, value in data.items() if value is None]:
        del data[name]
    if not data.keys() <= _MEMBERS[kind]:
        unknown = min(data.keys() - _MEMBERS[kind])
        raise Rejected("invalid_event", f"Unknown member `{unknown[:64]}` for {kind}.", f"data.{unknown[:64]}")
    for name in _NEEDED[kind]:
        if name not in data:
            raise Rejected("invalid_event", f"`data.{name}` is missing.", f"data.{name}")
    for name, value in data.items():
        if wrong := _CHECKS[name](name, value):
            raise Rejected("invalid_event", f"`data.{name}` must be {wrong}.", f"data.{name}")


def _wrong_text(name: str, value: Any) -> str:
    if type(value) is str and 1 <= len(value) <= _TEXTS[name] and value.isprintable():
        return ""
    return f"a text of 1 to {_TEXTS[name]} characters that can be seen"


def _wrong_number(name: str, value: Any) -> str:
    return "" if type(value) is int and 0 <= value <= _LARGEST else f"a whole number from 0 to {_LARGEST:,}"


def _wrong_status(name: str, value: Any) -> str:
    return "" if type(value) is int and 100 <= value <= 599 else "an HTTP status"


def _wrong_flag(name: str, value: Any) -> str:
    return "" if type(value) is bool else "true or false"


_CHECKS: dict[str, Callable[[str, Any], str]] = {
    **dict.fromkeys(_TEXTS, _wrong_text),
    **dict.fromkeys(_NUMBERS, _wrong_number),
    "status": _wrong_status,
    "stream": _wrong_flag,
}


def _counts(data: dict[str, Any]) -> TokenCounts:
    """`input_tokens` is all of the input, as everywhere in the API; what was cached is a part of it."""
    whole, cached = data["input_tokens"], data.get("cached_input_tokens", 0)
    if cached > whole:
        message = "`data.cached_input_tokens` is a part of `input_tokens`: it cannot be more."
        raise Rejected("invalid_event", message, "data.cached_input_tokens")
    output, reasoning = data["output_tokens"], data.get("reasoning_tokens")
    if reasoning is not None and reasoning > output:
        message = "`data.reasoning_tokens` is a part of `output_tokens`: it cannot be more."
        raise Rejected("invalid_event", message, "data.reasoning_tokens")
    return TokenCounts(whole - cached, cached, output, reasoning)
