"""What goes wrong in front of a client: one constructor for every row of the wire contract's table."""

from typing import Any

import orjson

INVALID = "invalid_request_error"
_OVERLOADED = "The model is overloaded or cannot be reached. Try again."
Headers = tuple[tuple[bytes, bytes], ...]


class ApiError(Exception):
    """An answer of the contract's error shape; `headers` are extra header fields."""

    def __init__(
        self,
        status: int,
        kind: str,
        code: str | None,
        message: str,
        *,
        param: str | None = None,
        headers: Headers = (),
        limit: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.message = message
        self.param = param
        self.headers = headers
        self.limit = limit

    def body(self) -> bytes:
        """The JSON body; all four members always, `limit` where one refused."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        if self.limit is not None:
            error["limit"] = self.limit
        return orjson.dumps({"error": error})


def unknown_url(method: str, path: str, meant: str = "") -> ApiError:
    hint = f"Did you mean {meant}?" if meant else "See the documentation."
    return ApiError(404, INVALID, "unknown_url", f"Unknown request URL: {method} {path[:200]}. {hint}")


def method_not_supported(method: str, allowed: str) -> ApiError:
    return ApiError(
        405,
        INVALID,
        "method_not_supported",
        f"{method} is not supported here; use {allowed}.",
        headers=((b"allow", allowed.encode()),),
    )


def invalid_api_key(message: str) -> ApiError:
    return ApiError(401, INVALID, "invalid_api_key", message, headers=((b"www-authenticate", b"Bearer"),))


def forbidden(code: str, message: str) -> ApiError:
    return ApiError(403, "permission_error", code, message)


def rate_limited(limit: int, retry_after: int) -> ApiError:
    return ApiError(
        429,
        "requests",
        "rate_limit_exceeded",
        f"Rate limit reached: {limit} requests in 60 seconds. Try again in {retry_after} s.",
    )


def too_large(most: int) -> ApiError:
    return ApiError(413, INVALID, "request_too_large", f"The request body is larger than {most} bytes.")


def not_json(message: str) -> ApiError:
    return ApiError(400, INVALID, None, message)


def too_deep() -> ApiError:
    return not_json("The request body is nested too deeply.")


def missing(param: str) -> ApiError:
    return ApiError(400, INVALID, "missing_required_parameter", f"Missing required parameter: '{param}'.", param=param)


def invalid_type(param: str, expected: str) -> ApiError:
    return ApiError(400, INVALID, "invalid_type", f"Invalid type for '{param}': expected {expected}.", param=param)


def invalid_value(param: str, expected: str) -> ApiError:
    return ApiError(400, INVALID, "invalid_value", f"Invalid value for '{param}': expected {expected}.", param=param)


def model_not_found(model: str) -> ApiError:
    return ApiError(
        404,
        INVALID,
        "model_not_found",
        f"The model `{model[:200]}` does not exist or you do not have access to it.",
        param="model",
    )


def model_not_allowed(model: str) -> ApiError:
    return ApiError(
        403, "permission_error", "model_not_allowed", f"This key may not use the model `{model[:200]}`.", param="model"
    )


def context_length_exceeded(message: str) -> ApiError:
    return ApiError(400, INVALID, "context_length_exceeded", message, param="messages")


def insufficient_quota(message: str, limit: dict[str, Any] | None) -> ApiError:
    return ApiError(
        402,
        "insufficient_quota",
        "insufficient_quota",
        message,
        headers=((b"x-should-retry", b"false"),),
        limit=limit,
    )


def overloaded(message: str = _OVERLOADED, retry_after: str = "") -> ApiError:
    headers: Headers = ((b"retry-after", retry_after.encode()),) if retry_after else ()
    return ApiError(503, "server_error", "server_overloaded", message, headers=headers)


def internal(message: str = "Something went wrong on our side. You were not charged. Try again.") -> ApiError:
    return ApiError(500, "server_error", "internal_error", message)


def upstream_refused(message: str) -> ApiError:
    return ApiError(400, INVALID, "invalid_value", message)
