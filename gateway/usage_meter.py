"""How many tokens an answer used: what the provider reports, else what we count ourselves."""

from collections.abc import Callable
from typing import Any

from usage.counts import TokenCounts

UPSTREAM = "upstream"
COUNTED = "counted"
PARTIAL = "partial"


def _whole(value: Any) -> int | None:
    """A reported number of tokens, or None for what is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value > 2**31 - 1:
        return None
    return int(value)


def reported(usage: Any) -> TokenCounts | None:
    """Disjoint counts of a provider's usage object; None when it reports none. Reported zero is respected."""
    if not isinstance(usage, dict):
        return None
    prompt, output = _whole(usage.get("prompt_tokens")), _whole(usage.get("completion_tokens"))
    if prompt is None and output is None:
        return None
    cached = _cached(usage)
    prompt = prompt or 0
    cached = min(cached, prompt)
    output = output or 0
    return TokenCounts(prompt - cached, cached, output, _reasoning(usage, output))


def _cached(usage: dict[str, Any]) -> int:
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict) and (found := _whole(details.get("cached_tokens"))) is not None:
        return found
    return _whole(usage.get("prompt_cache_hit_tokens")) or 0


def _reasoning(usage: dict[str, Any], output: int) -> int | None:
    """A part of the output: what is more than that is not believed."""
    details = usage.get("completion_tokens_details")
    found = _whole(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    return None if found is None or found > output else found


def as_object(counts: TokenCounts) -> dict[str, Any]:
    """The usage object that a client gets."""
    usage: dict[str, Any] = {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.output,
        "total_tokens": counts.total,
        "prompt_tokens_details": {"cached_tokens": counts.cached_input},
    }
    if counts.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": counts.reasoning}
    return usage


class OutputMeter:
    """Collects what an answer produced, so that an aborted one can be counted exactly."""

    __slots__ = ("_parts", "_told", "pieces")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._told = 0
        self.pieces = 0

    def add_text(self, text: str) -> None:
        """Take in a piece of text."""
        if text:
            self._parts.append(text)
            self.pieces += 1

    def add_texts(self, texts: list[str]) -> None:
        """Take in pieces of text that follow each other."""
        self._parts += texts
        self.pieces += len(texts) - texts.count("")

    def add_choice(self, choice: dict[str, Any]) -> None:
        """Take in the delta or message of one choice."""
        content = choice.get("delta") or choice.get("message")
        if not isinstance(content, dict):
            return
        for name in ("content", "reasoning_content", "refusal"):
            text = content.get(name)
            if isinstance(text, str):
                self.add_text(text)
        calls = content.get("tool_calls")
        if isinstance(calls, list):
            self._add_calls(calls)

    def _add_calls(self, calls: list[Any]) -> None:
        for call in calls:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                for name in ("name", "arguments"):
                    text = function.get(name)
                    if isinstance(text, str):
                        self.add_text(text)

    @property
    def is_empty(self) -> bool:
        return not self.pieces

    def news(self) -> str:
        """What has come since the last time."""
        news = "".join(self._parts[self._told :])
        self._told = len(self._parts)
        return news

    def count(self, count_text: Callable[[str], int]) -> int:
        """Tokens of everything collected so far."""
        return count_text("".join(self._parts))
