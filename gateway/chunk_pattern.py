"""The chunks of a stream mostly differ in a few characters of text: what is around them is compared, not parsed."""

import re
import secrets
from itertools import islice
from typing import Any

import orjson

_TEXTS = ("content", "reasoning_content")
# The value of a member, in whatever way its JSON is spaced.
_VALUES = {name: re.compile(rb'"%b"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"' % name.encode(), re.DOTALL) for name in _TEXTS}
# Places that are looked at; a chunk full of them is not worth it.
_MOST_PLACES = 4
# Chunks that are read in one go; what is read in vain when that turns out to be impossible is bounded by it.
_MOST_TOGETHER = 64
# A text that no provider sends by chance and that JSON does not escape.
_MARK = secrets.token_hex(16)
_MARK_BYTES = _MARK.encode()


class ChunkPattern:
    """Everything of a chunk but the text of its delta, as it came and as it is sent on."""

    __slots__ = ("_after", "_before", "_shortest", "_written_after", "_written_before")

    def __init__(self, before: bytes, after: bytes, written: bytes) -> None:
        self._before = before
        self._after = after
        self._shortest = len(before) + len(after)
        self._written_before, _, self._written_after = written.partition(_MARK_BYTES)

    def read(self, data: bytes) -> tuple[str, bytes] | None:
        """The text of a chunk and the event to send on; None for a chunk that differs in anything else."""
        if len(data) < self._shortest or not (data.startswith(self._before) and data.endswith(self._after)):
            return None
        end = len(data) - len(self._after)
        start = len(self._before)
        try:
            # With its quotation marks: if this is one JSON string, the whole is the pattern's JSON with that string.
            text: str = orjson.loads(data[start - 1 : end + 1])
        except orjson.JSONDecodeError:
            return None
        return text, self._written_before + data[start:end] + self._written_after

    def read_run(self, events: list[bytes], at: int) -> tuple[list[str], bytes] | None:
        """As `read`, of the chunks from `at` on that do not differ, in one go; None when that cannot be done."""
        literals = self._literals(events, at)
        if not literals:
            return None
        joined = b'","'.join(literals)
        if b'\\","' in joined or joined.endswith(b"\\"):
            # It would escape the quotation mark behind it.
            return None
        try:
            texts = orjson.loads(b'["%b"]' % joined)
        except orjson.JSONDecodeError:
            return None
        # As many strings as literals: then none of these has a quotation mark that is not escaped.
        if len(texts) != len(literals) or set(map(type, texts)) != {str}:
            return None
        between = self._written_after + self._written_before
        return texts, self._written_before + between.join(literals) + self._written_after

    def _literals(self, events: list[bytes], at: int) -> list[bytes]:
        before, after, shortest = self._before, self._after, self._shortest
        start, end = len(before), -len(after)
        found = []
        for event in events[at : at + _MOST_TOGETHER]:
            if len(event) < shortest or not (event.startswith(before) and event.endswith(after)):
                break
            found.append(event[start:end])
        return found


def text_of(delta: dict[str, Any]) -> str | None:
    """The name of the one member of a delta that holds text; None when there is none or more than that."""
    found = [name for name in _TEXTS if delta.get(name)]
    return found[0] if len(found) == 1 and isinstance(delta[found[0]], str) else None


def marked(delta: dict[str, Any], name: str) -> dict[str, Any]:
    """The delta with a mark for its text."""
    return {**delta, name: _MARK}


def pattern_of(data: bytes, name: str, expected: dict[str, Any], written: bytes) -> ChunkPattern | None:
    """The pattern of a chunk, if its text can be told from the rest for certain.

    `expected` is the chunk and `written` the event made of it, both with the mark for the text: where putting the mark
    into the bytes gives the expected chunk, any other string there gives the same chunk with that string.
    """
    for found in islice(_VALUES[name].finditer(data), _MOST_PLACES):
        before, after = data[: found.start(1)], data[found.end(1) :]
        try:
            if orjson.loads(before + _MARK_BYTES + after) == expected:
                return ChunkPattern(before, after, written) if written.count(_MARK_BYTES) == 1 else None
        except orjson.JSONDecodeError:
            continue
    return None
