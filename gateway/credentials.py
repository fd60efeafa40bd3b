"""Find the secret in a request's headers, by the rules of the wire contract."""

from gateway import errors
from gateway.http import HeaderList

_HINT = "Send it as `Authorization: Bearer YOUR_API_KEY` or `api-key: YOUR_API_KEY`."


def secret_of(headers: HeaderList) -> str:
    """The secret that the client sent; raises ApiError 401. If `Authorization` is present it alone counts."""
    authorization: bytes | None = None
    api_key: bytes | None = None
    for name, value in headers:
        if name == b"authorization" and authorization is None:
            authorization = value
        elif name == b"api-key" and api_key is None:
            api_key = value
    if authorization is not None:
        return _bearer(_text(authorization))
    if api_key is not None:
        secret = _text(api_key).strip()
        if not secret:
            raise errors.invalid_api_key(f"The api-key header is empty. {_HINT}")
        return secret
    raise errors.invalid_api_key(f"You did not provide an API key. {_HINT}")


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError as error:
        raise errors.invalid_api_key("The API key contains characters that no key has.") from error


def _bearer(value: str) -> str:
    scheme, _, rest = value.strip().partition(" ")
    secret = rest.strip()
    if scheme.lower() != "bearer" or not secret or " " in secret:
        raise errors.invalid_api_key(f"The Authorization header has the wrong format. {_HINT}")
    return secret
