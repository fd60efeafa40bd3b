"""What the OpenAPI description says beyond the routes themselves: errors, headers, examples, credentials."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import get_lib_doc_excludes
from rest_framework import serializers

from api.codes import CODES, of_status
from api.envelopes import ListOut
from api.examples import ANSWERS, BODIES
from api.money_examples import FILES
from api.strict import Strict

_ONCE = "Idempotency-Key"
_EVERYWHERE = (401, 403, 405, 429, 500, 503)
_HEADERS = {
    "x-request-id": {"schema": {"type": "string"}, "description": "Unique to this answer."},
    "x-ratelimit-limit-requests": {"schema": {"type": "integer"}, "description": "Requests in 60 seconds."},
    "x-ratelimit-remaining-requests": {"schema": {"type": "integer"}},
    "x-ratelimit-reset-requests": {"schema": {"type": "string"}, "example": "1m0s"},
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For `If-Match` and `If-None-Match`."}}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "An `ETag` of before: the edit is refused with 412 when somebody else made one meanwhile. "
    "Without it the edit is made in any case; `*` is any state.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The `ETag` of an earlier answer: 304 when this one would be the same.",
}
_REPLAYED = {"Idempotency-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}


def bases_that_say_nothing() -> list[type]:
    """Whose docstrings are no description of the objects that inherit them."""
    return [*get_lib_doc_excludes(), ListOut, Strict]  # type: ignore[no-untyped-call]


class FaultPart(serializers.Serializer):
    param = serializers.CharField(allow_null=True)
    message = serializers.CharField()
    code = serializers.CharField()


class FaultBody(serializers.Serializer):
    message = serializers.CharField()
    type = serializers.ChoiceField(sorted({code.type for code in CODES.values()}))
    param = serializers.CharField(allow_null=True, help_text="The member that is wrong.")
    code = serializers.ChoiceField(sorted(name for name in CODES if name), allow_null=True)
    errors = FaultPart(  # type: ignore[assignment]
        many=True, required=False, help_text="Every wrong member, where there may be several."
    )


class Fault(serializers.Serializer):
    """The one shape of errors."""

    error = FaultBody()


# Makes the component known; `finish` writes the errors of every route.
ERRORS = {401: Fault}


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: errors, headers and examples of every operation."""
    _close(result["components"]["schemas"])
    for path, item in result["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                is_single = _is_single(operation, result["components"]["schemas"])
                _finish(path, method, operation, is_single=is_single)
    return result


def _close(schemas: dict[str, Any]) -> None:
    """Bodies have no other members: a misspelt restriction must not mean everything. Events alone may carry more."""
    for name, schema in schemas.items():
        if name.endswith("Request") and not name.startswith("Event") and schema.get("type") == "object":
            schema["additionalProperties"] = False
    # On one thing at a time.
    schemas["LimitCreateRequest"]["not"] = {"required": ["project_id", "key_id"]}
    # A key's id and its secret come together.
    schemas["ScheduledExportChangeRequest"]["dependentRequired"] = {
        "access_key_id": ["secret_access_key"],
        "secret_access_key": ["access_key_id"],
    }


def _is_single(operation: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether it answers one object, as `etags.is_single` sees it."""
    [answer] = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    schema = answer["content"].get("application/json", {}).get("schema", {})
    members = schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    return "object" in members and "data" not in members


def _finish(path: str, method: str, operation: dict[str, Any], *, is_single: bool) -> None:
    parameters = operation.setdefault("parameters", [])
    asks = bool(parameters)
    is_edit = method in ("patch", "put", "delete")
    if is_edit:
        parameters.append(_IF_MATCH)
    tagged = is_single and method != "delete"
    if tagged and method == "get":
        parameters.append(_IF_NONE_MATCH)
    repeats = any(parameter["name"] == _ONCE for parameter in parameters)
    kept = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    for answer in kept.values():
        answer["headers"] = {**_HEADERS, **(_REPLAYED if repeats else {}), **(_ETAG if tagged else {})}
        answer["description"] = answer.get("description") or "It went well."
        if operation["operationId"] in ANSWERS:
            answer["content"]["application/json"]["example"] = ANSWERS[operation["operationId"]]
        for media_type, example in FILES.get(operation["operationId"], {}).items():
            answer["content"][media_type]["example"] = example
    body = operation.get("requestBody")
    if body and operation["operationId"] in BODIES:
        body["content"]["application/json"]["example"] = BODIES[operation["operationId"]]
    if tagged and method == "get":
        kept["304"] = {"description": "It is what you have.", "headers": {**_HEADERS, **_ETAG}}
    statuses = set(_EVERYWHERE)
    if is_edit:
        statuses.add(412)
    if asks or body:
        statuses.add(400)
    if "{" in path or asks or body:
        statuses.add(404)
    if method != "get":
        statuses.add(409)
    if method in ("post", "patch"):
        statuses |= {413, 415}
    if repeats:
        statuses.add(410)
    operation["responses"] = {**kept, **{str(status): _error(status) for status in sorted(statuses)}}


def _error(status: int) -> dict[str, Any]:
    codes = of_status(status)
    examples = {
        name or "not_json": {
            "summary": code.cause,
            "value": {"error": {"message": code.cause, "type": code.type, "param": None, "code": name}},
        }
        for name, code in codes.items()
    }
    # 401 comes before the caller is known, so before the caller's rate is.
    headers = {"x-request-id": _HEADERS["x-request-id"]} if status in (401, 405) else dict(_HEADERS)
    return {
        "description": " ".join(code.cause for code in codes.values()),
        "headers": {**headers, **(_RETRY_AFTER if status in (429, 503) else {})},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}, "examples": examples}},
    }


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.KeyAuthentication"
    name = ["key", "key_header"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        """Either of the two."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer sk-...`."},
            {
                "type": "apiKey",
                "in": "header",
                "name": "api-key",
                "description": "The same key in a header of its own.",
            },
        ]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.ConsoleSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A session of the console; changes need `X-CSRFToken` as well.",
        }
