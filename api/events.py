"""/api/v1/events: usage that did not pass the gateway, as CloudEvents."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import Answer
from accounts.models import Project
from accounts.roles import Permission, Scope
from api import faults
from api.door import Door
from api.event_parsers import BatchParser, EventParser, PlainParser
from api.event_serializers import EventIn, IngestionOut
from api.once import repeatable
from api.schema import ERRORS
from billing.ingestion import event
from billing.ingestion.attribution import Reporter
from billing.ingestion.event import Rejected, Reported
from billing.ingestion.recording import ACCEPTED, CONFLICT, DUPLICATE, REJECTED, Result, ingest
from gateway.errors import INVALID, ApiError

MOST = 1_000
_STATUSES = (ACCEPTED, DUPLICATE, CONFLICT, REJECTED)
_ONCE = repeatable("Events carry ids of their own: optional.")


class Events(Door):
    key_scopes = (Scope.INGEST, Scope.MANAGEMENT)
    needs = {"POST": (Permission.REPORT_USAGE,)}
    parser_classes = [EventParser, BatchParser, PlainParser]

    @extend_schema(
        operation_id="events_report",
        parameters=_ONCE,
        request={
            EventParser.media_type: EventIn,
            BatchParser.media_type: EventIn(many=True),
            PlainParser.media_type: EventIn,
        },
        responses={200: IngestionOut, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Report usage as CloudEvents 1.0 in structured JSON: one, or a batch of at most 1,000.

        Each event counts once, however often it is sent. A single event that is refused answers with the error; in a
        batch the others are recorded, and `results` says what became of each.
        """
        sent: Any = request.data
        is_batch = isinstance(sent, list)
        values: list[Any] = sent if is_batch else [sent]
        if len(values) > MOST:
            raise ApiError(400, INVALID, "invalid_value", f"A batch has at most {MOST:,} events: send several.")
        reporter = self._reporter()

        def work() -> Answer:
            results = ingest(self.caller.organization, [_read(value) for value in values], reporter)
            if not is_batch:
                _must_be_recorded(results[0])
            return Answer(200, _answer(values, results))

        return self.once(request, work)

    def _reporter(self) -> Reporter:
        """A key that only reports speaks of its own project; one that manages, of all."""
        caller = self.caller
        if caller.principal is None or caller.api_key is None:
            return Reporter(self._oldest_project(), caller.actor)
        manages = Scope.MANAGEMENT in caller.principal.scopes
        own = frozenset({caller.principal.project_id})
        return Reporter(caller.api_key.project, caller.actor, caller.api_key, None if manages else own)

    def _oldest_project(self) -> Project:
        found = sorted((one for one in self.caller.projects() if not one.archived_at), key=lambda one: one.pk)
        if not found:
            raise faults.not_found("project")
        return found[0]


def _read(value: Any) -> Reported | Rejected:
    try:
        return event.read(value)
    except Rejected as error:
        return error


def _must_be_recorded(result: Result) -> None:
    if result.status == CONFLICT:
        raise faults.conflict(result.code, result.message)
    if result.status == REJECTED:
        raise ApiError(400, INVALID, result.code, result.message, param=result.param)


def _answer(values: list[Any], results: list[Result]) -> dict[str, Any]:
    counts = {status: sum(1 for result in results if result.status == status) for status in _STATUSES}
    shown = [_shown(value, result) for value, result in zip(values, results, strict=True)]
    return {"object": "ingestion", **counts, "results": shown}


def _shown(value: Any, result: Result) -> dict[str, Any]:
    named = value if isinstance(value, dict) else {}
    return {
        "source": _text(named.get("source")),
        "id": _text(named.get("id")),
        "status": result.status,
        "code": result.code or None,
        "message": result.message or None,
        "param": result.param,
    }


def _text(value: Any) -> str | None:
    return value[: event.LONGEST_NAME] if isinstance(value, str) else None
