"""Entity tags of single objects: two hashes, of what edits concern and of the whole answer.

`If-None-Match` asks for the whole, `If-Match` for the first part alone: a key that was used meanwhile, or a limit that
was spent from, has not been edited. Weak tags match nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gateway.errors import INVALID, ApiError

# What changes by itself, by the kind of object; and what only one answer carries.
_BY_ITSELF: dict[str, frozenset[str]] = {
    "api_key": frozenset({"status", "last_used_at", "previous_secret_ends_at"}),
    "limit": frozenset({"status"}),
    "webhook": frozenset({"failing_since"}),
    "scheduled_export": frozenset({"next_day", "last_file", "failing_file"}),
    "member": frozenset({"keys_revoked"}),
}
_ONCE = frozenset({"secret", "mail_sent"})
_CHARACTERS = 20


def is_single(body: Any) -> bool:
    """Whether an answer is one object, and neither a list nor a report with rows."""
    return isinstance(body, dict) and "object" in body and "data" not in body


def etag(body: Mapping[str, Any]) -> str:
    """The strong tag of an object as it is answered."""
    by_itself = _BY_ITSELF.get(str(body["object"]), frozenset()) | _ONCE
    stable = {name: value for name, value in body.items() if name not in by_itself}
    whole = {name: value for name, value in body.items() if name not in _ONCE}
    return f'"{_hash(stable)}.{_hash(whole)}"'


def is_same(header: str, body: Mapping[str, Any]) -> bool:
    """Whether an If-None-Match names this very answer; weak tags are compared by what they say."""
    return header.strip() == "*" or etag(body) in [one.removeprefix("W/") for one in _tags(header)]


def check_unchanged(header: str, body: Mapping[str, Any]) -> None:
    """Raises ApiError 412 unless an If-Match names what can be edited as it is now; `*` names whatever is there."""
    if header.strip() == "*":
        return
    now = _stable(etag(body))
    if now not in [_stable(one) for one in _tags(header) if not one.startswith("W/")]:
        raise ApiError(
            412,
            INVALID,
            "precondition_failed",
            "It is not what If-Match says: somebody changed it meanwhile. Read it again.",
            param="If-Match",
        )


def _tags(header: str) -> list[str]:
    return [one.strip() for one in header.split(",")]


def _stable(tag: str) -> str:
    return tag.partition(".")[0]


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_CHARACTERS]
