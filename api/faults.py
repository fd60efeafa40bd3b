"""One shape for everything that goes wrong: {"error": {message, type, param, code, errors?}}."""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.exceptions import ValidationError as Invalid
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from api.codes import CODES
from gateway import errors
from gateway.errors import INVALID, ApiError

log = logging.getLogger(__name__)


def not_found(what: str, param: str | None = None) -> ApiError:
    """404, also for what exists in somebody else's organization."""
    return ApiError(404, INVALID, "not_found", f"There is no such {what}.", param=param)


def bad_cursor() -> ApiError:
    """400 for a cursor that no answer to the same query gave."""
    message = "Invalid value for 'cursor': expected the next_cursor of an answer to the same query."
    return ApiError(400, INVALID, "invalid_value", message, param="cursor")


def forbidden(message: str) -> ApiError:
    """403 for a role or key that may not do this."""
    return errors.forbidden("insufficient_permissions", message)


def conflict(code: str, message: str) -> ApiError:
    """409."""
    return ApiError(409, INVALID, code, message)


def answer(fault: ApiError, parts: list[dict[str, Any]] | None = None) -> Response:
    """The fault as a response."""
    error: dict[str, Any] = {
        "message": fault.message,
        "type": fault.kind,
        "param": fault.param,
        "code": fault.code,
    }
    if parts:
        error["errors"] = parts
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in fault.headers}
    return Response({"error": error}, status=fault.status, headers=headers)


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """What REST framework calls with everything that a view raised."""
    if isinstance(error, ApiError):
        return answer(error)
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(_parts(error.detail, ())))
    if isinstance(error, Invalid):
        return _invalid(_of_room(error))
    if isinstance(error, Http404):
        return answer(ApiError(404, INVALID, "not_found", "There is nothing here."))
    if isinstance(error, PermissionDenied):
        return answer(forbidden("You may not do this."))
    if isinstance(error, exceptions.APIException):
        return answer(_known(error))
    if isinstance(error, OperationalError | InterfaceError):
        log.exception("the API could not reach the database")
        return answer(errors.overloaded("The service cannot reach its database. Try again.", "1"))
    log.exception("a request to the API failed")
    return answer(ApiError(500, "server_error", "internal_error", "Something went wrong on our side. Try again."))


def _known(error: exceptions.APIException) -> ApiError:
    """REST framework's own refusals."""
    message = str(error.detail)
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        return errors.invalid_api_key(message)
    if isinstance(error, exceptions.PermissionDenied):
        return forbidden(message)
    codes = {
        status.HTTP_405_METHOD_NOT_ALLOWED: "method_not_supported",
        status.HTTP_406_NOT_ACCEPTABLE: "not_acceptable",
        status.HTTP_413_REQUEST_ENTITY_TOO_LARGE: "request_too_large",
        status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    }
    return ApiError(error.status_code, INVALID, codes.get(error.status_code), message)


def _invalid(parts: list[dict[str, Any]]) -> Response:
    first = parts[0]
    code = CODES[first["code"]]
    return answer(ApiError(code.status, code.type, first["code"], first["message"], param=first["param"]), parts)


def _parts(detail: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Every message with the path of its member, such as `allowed_networks.0`."""
    if isinstance(detail, dict):
        for name, value in detail.items():
            yield from _parts(value, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(detail, list):
        for value in detail:
            yield from _parts(value, path)
    else:
        missing = getattr(detail, "code", "") == "required"
        yield {
            "param": ".".join(path) or None,
            "message": str(detail),
            "code": "missing_required_parameter" if missing else "invalid_value",
        }


def _of_room(error: Invalid) -> list[dict[str, Any]]:
    """A room's ValidationError: messages of a field, or of none."""
    by_field = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    return [
        {
            "param": None if name == NON_FIELD_ERRORS else name,
            "message": message,
            # A room names what stands in the way; what is merely written wrongly has no name of its own.
            "code": one.code if one.code and one.code in CODES else "invalid_value",
        }
        for name, found in by_field.items()
        for one in found
        for message in one.messages
    ]
