"""OpenAI and what answers like it: stored answers, one a line, and the output files of its Batch API.

An answer is a chat.completion, a text_completion or a response; a batch's line wraps one in `response.body`.
Source: platform.openai.com/docs/api-reference, objects `chat.completion`, `response` and `batch` (output file).
"""

from typing import Any

from billing.ingestion.mappings import reading


def events(record: dict[str, Any], source: str) -> list[dict[str, Any]]:
    """One answer; an answer without `usage` (an error, a part of a stream) is no usage."""
    answer = _answer(record)
    usage = reading.inner(answer, "usage")
    if not usage:
        return []
    at = reading.instant(answer, "created") or reading.instant(answer, "created_at")
    prompt = reading.needed(usage, "prompt_tokens", "input_tokens")
    output = reading.whole(usage, "completion_tokens") or reading.whole(usage, "output_tokens") or 0
    data = {
        "model": reading.text(answer, "model"),
        "input_tokens": prompt,
        "cached_input_tokens": min(_cached(usage), prompt) or None,
        "output_tokens": output,
        "reasoning_tokens": _reasoning(usage, output),
        "finish_reason": _finish_reason(answer),
    }
    return [reading.usage(source, reading.text(answer, "id"), at, data)]


def _answer(record: dict[str, Any]) -> dict[str, Any]:
    """The answer in a line: itself, or what a batch wrapped."""
    wrapped = reading.inner(record, "response")
    body = reading.inner(wrapped, "body")
    return dict(body or (wrapped if "usage" in wrapped else record))


def _cached(usage: reading.Record) -> int:
    for member in ("prompt_tokens_details", "input_tokens_details"):
        if found := reading.whole(reading.inner(usage, member), "cached_tokens"):
            return found
    # DeepSeek's name for it.
    return reading.whole(usage, "prompt_cache_hit_tokens") or 0


def _reasoning(usage: reading.Record, output: int) -> int | None:
    for member in ("completion_tokens_details", "output_tokens_details"):
        if (found := reading.part(reading.inner(usage, member), "reasoning_tokens", output)) is not None:
            return found
    return None


def _finish_reason(answer: dict[str, Any]) -> str | None:
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    found = first.get("finish_reason") if isinstance(first, dict) else None
    return found if isinstance(found, str) else None
