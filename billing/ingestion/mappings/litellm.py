"""LiteLLM: rows of its table LiteLLM_SpendLogs and its StandardLoggingPayload, which have nearly the same members.

Source: docs.litellm.ai/docs/proxy/logging_spec.
"""

from typing import Any

from billing.ingestion.mappings import reading


def events(record: dict[str, Any], source: str) -> list[dict[str, Any]]:
    """One request; a failed one without tokens is no usage. The model is the public one, of `model_group`."""
    prompt = reading.whole(record, "prompt_tokens") or 0
    completion = reading.whole(record, "completion_tokens") or 0
    if not prompt and not completion:
        return []
    started, ended = reading.instant(record, "startTime"), reading.instant(record, "endTime")
    begun = reading.instant(record, "completionStartTime")
    external_id = reading.text(record, "request_id", "id")
    data = {
        "model": reading.text(record, "model_group", "model"),
        "input_tokens": prompt,
        "cached_input_tokens": min(_cached(record), prompt) or None,
        "output_tokens": completion,
        "reasoning_tokens": reading.part(_details(record, "completion"), "reasoning_tokens", completion),
        "duration_ms": reading.milliseconds(started, ended),
        "first_token_ms": reading.milliseconds(started, begun) if begun != ended else None,
        "status": 500 if record.get("status") == "failure" else None,
    }
    return [reading.usage(source, external_id, ended or started, data)]


def _cached(record: dict[str, Any]) -> int:
    """Input that the provider read from its cache."""
    return reading.whole(_details(record, "prompt"), "cached_tokens") or 0


def _details(record: dict[str, Any], side: str) -> reading.Record:
    """What the provider said of the tokens of one side: prompt or completion."""
    return reading.inner(record, "metadata", "usage_object", f"{side}_tokens_details")
