"""vLLM: its traces, as the OpenTelemetry collector writes them to a file, else answers as OpenAI's and of run-batch.

A span `llm_request` has the attributes gen_ai.request.id, gen_ai.response.model and gen_ai.usage.*.
Source: vllm/tracing (SpanAttributes) and OTLP/JSON, opentelemetry.io/docs/specs/otlp.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from billing.ingestion.event import Rejected
from billing.ingestion.mappings import openai, reading

_NANOS = 1_000_000_000


def events(record: dict[str, Any], source: str) -> list[dict[str, Any]]:
    """All requests of a line of traces, or the one answer."""
    if "resourceSpans" not in record:
        return openai.events(record, source)
    return [event for span in _spans(record) if (event := _of_span(span, source))]


def _spans(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in _list(record, "resourceSpans"):
        for scope in _list(resource, "scopeSpans"):
            yield from _list(scope, "spans")


def _list(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = value.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Rejected("invalid_event", f"`{name}` must be a list of objects, as in OTLP/JSON.", name)
    return found


def _of_span(span: dict[str, Any], source: str) -> dict[str, Any] | None:
    said = {str(one.get("key")): _value(one.get("value")) for one in _list(span, "attributes")}
    if "gen_ai.usage.prompt_tokens" not in said:
        return None
    started, ended = _instant(span, "startTimeUnixNano"), _instant(span, "endTimeUnixNano")
    data = {
        "model": reading.text(said, "gen_ai.response.model"),
        "input_tokens": reading.needed(said, "gen_ai.usage.prompt_tokens"),
        "output_tokens": reading.whole(said, "gen_ai.usage.completion_tokens") or 0,
        "duration_ms": reading.milliseconds(started, ended),
        "first_token_ms": _first_token(said),
    }
    return reading.usage(source, reading.text(said, "gen_ai.request.id"), ended, data)


def _value(value: Any) -> Any:
    """What an attribute holds: OTLP writes each as an object that names its type."""
    return next(iter(value.values()), None) if isinstance(value, dict) else None


def _instant(span: dict[str, Any], name: str) -> datetime | None:
    nanos = span.get(name)
    if not isinstance(nanos, int | str) or not str(nanos).isdecimal() or len(str(nanos)) > 19:
        return None
    seconds, rest = divmod(int(nanos), _NANOS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def _first_token(said: dict[str, Any]) -> int | None:
    seconds = said.get("gen_ai.latency.time_to_first_token")
    return round(seconds * 1000) if isinstance(seconds, int | float) and 0 <= seconds < 1_000_000 else None
