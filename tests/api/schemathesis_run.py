"""One run of schemathesis over the whole description, over HTTP, with every check."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import Client
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.schemas import BaseSchema
from werkzeug.serving import make_server

SEED = 20261130
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# What a refusal of well-formed data may rest on, since no schema can say it. By operation, code and member; each is a
# fault of `positive_data_acceptance` alone: every other check looks at these answers too.
KNOWN = {
    ("*", "invalid_value", "cursor"): "it must come from an earlier answer",
    ("*", "precondition_failed", "If-Match"): "only the server knows the current tag",
    ("*", "invalid_value", "period"): "either a period or days: two parameters of a query cannot be forbidden together",
    ("*", "invalid_value", "from"): "days are in order and not too many",
    ("*", "invalid_value", "to"): "days are in order and not too many",
    ("*", "invalid_value", "name"): "a name can be seen: what is printable is a matter of Unicode's tables",
    ("keys_create", "invalid_value", "expires_at"): "it lies in the future",
    ("keys_change", "invalid_value", "expires_at"): "it lies in the future",
    ("keys_create", "invalid_value", "allowed_models"): "the catalog knows them",
    ("keys_change", "invalid_value", "allowed_models"): "the catalog knows them",
    ("keys_create", "invalid_value", "allowed_networks"): "JSON Schema has no format for networks",
    ("keys_change", "invalid_value", "allowed_networks"): "JSON Schema has no format for networks",
    ("keys_create", "invalid_value", "scopes"): "a key that manages cannot chat",
    ("keys_change", "invalid_value", "scopes"): "a key that manages cannot chat",
    ("keys_create", "invalid_value", "owned_by"): "only a person can own a key",
    ("limits_create", "invalid_value", "amount"): "tokens and requests are whole, and there is a largest amount",
    ("limits_change", "invalid_value", "amount"): "tokens and requests are whole, and there is a largest amount",
    ("webhooks_create", "invalid_value", "url"): "its host can be reached and is not private",
    ("webhooks_change", "invalid_value", "url"): "its host can be reached and is not private",
    ("organization_change", "invalid_value", "time_zone"): "JSON Schema has no format for zones",
    ("invitations_create", "invalid_value", "email"): "what is an address to the mail system",
    ("codes_redeem", "code_mistyped", "code"): "a code has a check digit",
    ("events_report", "invalid_event", "*"): "a correction has other members than usage",
    ("events_report", "too_old", "*"): "35 days back from now",
    ("events_report", "too_early", "*"): "5 minutes ahead of now",
    ("events_report", "model_not_found", "*"): "the catalog knows it",
    ("events_report", "no_price", "*"): "the catalog has a price for that time",
    ("events_report", "key_not_found", "*"): "the organization has it",
    ("events_report", "project_not_found", "*"): "the organization has it",
    ("events_report", "event_not_found", "*"): "it came before",
    ("events_report", "event_voided", "*"): "it came before",
}


@dataclass(frozen=True)
class Wrong:
    where: str
    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.where} | {self.kind}\n{self.words}"


@contextmanager
def served() -> Iterator[str]:
    """The address of the API, answered by a thread."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, WSGIHandler(), threaded=False)

    def run() -> None:
        server.serve_forever()
        connections.close_all()

    # One connection for all of them: PostgreSQL would make a process for each.
    database = connections["default"].settings_dict
    before, database["CONN_MAX_AGE"] = database["CONN_MAX_AGE"], None
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(30)
        database["CONN_MAX_AGE"] = before


def schema_at(address: str, secret: str, *, examples: int, phases: tuple[str, ...] = PHASES) -> BaseSchema:
    """The description as it is served, with a caller and every check on."""
    # What schemathesis sends is its own affair, not a proxy's.
    os.environ["NO_PROXY"] = "127.0.0.1"
    bounded = {"max-examples": examples, "deterministic": True, "no-shrink": True}
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "workers": 1,
            "base-url": address,
            # A busy machine is no fault of the API.
            "request-timeout": 300,
            "continue-on-failure": True,
            "auth": {"openapi": {"key": {"bearer": secret}}},
            "generation": {**bounded, "mode": "all"},
            "phases": {name: {"enabled": name in phases} for name in PHASES},
            "checks": {"enabled": True},
            "warnings": False,
        }
    )
    return schemathesis.openapi.from_dict(Client().get("/api/openapi.json").json(), config=config)


def faults(schema: BaseSchema) -> Iterator[Wrong]:
    """What went wrong, without what is KNOWN; an operation that nothing was sent to is a fault too."""
    called: set[str] = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            yield Wrong(event.label, "error", f"{event.info.title}: {event.info.message}")
        elif isinstance(event, events.FatalError):
            yield Wrong("", "error", repr(event.exception))
        elif isinstance(event, events.ScenarioFinished):
            called |= {case.value.operation.label for case in event.recorder.cases.values()}
            yield from _of_scenario(event)
        elif isinstance(event, events.EngineFinished):
            yield from (Wrong("", "after run", repr(one)) for one in event.failures)
    described = {found.ok().label for found in schema.get_all_operations()}
    yield from (Wrong(label, "never called", "") for label in sorted(described - called))


def _of_scenario(event: Any) -> Iterator[Wrong]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            operation = event.recorder.cases[case_id].value.operation
            seen = event.recorder.interactions.get(case_id)
            answer = seen.response.content if seen and seen.response else b""
            if check.name == "positive_data_acceptance" and _is_known(operation, answer):
                continue
            failure = check.failure_info.failure
            words = f"{failure.message}\n    {check.failure_info.code_sample}\n    {answer[:300]!r}"
            yield Wrong(f"{event.phase.value} {operation.label}", f"{check.name}: {failure.title}", words)


def _is_known(operation: Any, answer: bytes) -> bool:
    """Whether each member that the answer calls wrong is wrong for a reason that is named above."""
    error = orjson.loads(answer)["error"]
    name = operation.definition.raw["operationId"]
    parts = error.get("errors") or [error]
    return all(
        any(
            (who, part["code"], param) in KNOWN
            for who in (name, "*")
            for param in ((part["param"] or "").partition(".")[0], part["param"], "*")
        )
        for part in parts
    )
