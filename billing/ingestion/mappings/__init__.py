"""Logs of other software as usage events: a mapping takes one record of a log and gives its CloudEvents.

A record that says nothing of usage gives none; one that should and cannot raises Rejected.
"""

from collections.abc import Callable
from typing import Any

from billing.ingestion.mappings import cloudevents, litellm, openai, vllm

Mapping = Callable[[dict[str, Any], str], list[dict[str, Any]]]
MAPPINGS: dict[str, Mapping] = {
    "cloudevents": cloudevents.events,
    "litellm": litellm.events,
    "openai": openai.events,
    "vllm": vllm.events,
}
