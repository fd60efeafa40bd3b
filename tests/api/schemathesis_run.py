"""One run of schemathesis over the whole description, against the API in this process."""

from collections.abc import Iterator
from typing import Any

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.schemas import BaseSchema

SEED = 20261130


def schema_for(secret: str, *, examples: int, phases: tuple[str, ...]) -> BaseSchema:
    """The description as it is served, with a caller and every check on."""
    every = ("examples", "coverage", "fuzzing", "stateful")
    bounded = {"max-examples": examples, "deterministic": True, "no-shrink": True}
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "workers": 1,
            "continue-on-failure": True,
            "auth": {"openapi": {"key": {"bearer": secret}}},
            "generation": {**bounded, "mode": "all"},
            "phases": {name: {"enabled": name in phases} for name in every},
            "checks": {"enabled": True},
            "warnings": False,
        }
    )
    return schemathesis.openapi.from_wsgi("/api/openapi.json", WSGIHandler(), config=config)


def failures(schema: BaseSchema) -> Iterator[tuple[str, str, str]]:
    """What went wrong: operation, kind, and what to do again."""
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            yield (
                str(getattr(event, "label", "")),
                "error",
                f"{event.info.title}: {event.info.message}" if isinstance(event, events.NonFatalError) else repr(event),
            )
        if isinstance(event, events.ScenarioFinished):
            yield from _of_scenario(event)
        if isinstance(event, events.EngineFinished):
            for failure in event.failures:
                yield "", "after run", repr(failure)


def _of_scenario(event: Any) -> Iterator[tuple[str, str, str]]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                case = event.recorder.cases[case_id].value
                seen = event.recorder.interactions.get(case_id)
                answer = seen.response.content[:300] if seen and seen.response else b""
                words = f"{failure.message}\n    {check.failure_info.code_sample}\n    {answer!r}"
                yield f"{event.phase.value} {case.operation.label}", f"{check.name}: {failure.title}", words
