"""Calls of the REST API: one attempt after the other until there is an answer, and no effect twice."""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from client.faults import Exit, Failed, of_answer, of_connection

Query = Sequence[tuple[str, str]]
# Seconds before each further attempt.
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
# A server that asks for more patience than this is not waited for.
_MOST_PATIENCE = 120.0
_PASSING = (500, 502, 503, 504)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is sent to the address it was given for and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Api:
    """`url` has no trailing slash; `tell` is called with what somebody who waits should know."""

    def __init__(self, url: str, key: str, timeout: float, tell: Callable[[str], None]) -> None:
        self.url = url
        self._key = key
        self._timeout = timeout
        self._tell = tell
        self._opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )
        self._was_there = False

    def get(self, path: str, query: Query = ()) -> dict[str, Any]:
        return self._call("GET", path, query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._call("POST", path, body=body or {})

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("PATCH", path, body=body)

    def delete(self, path: str) -> dict[str, Any]:
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, query: Query = (), body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = self._request(method, path, query, body)
        waits = iter(_WAITS)
        was_lost = False
        while True:
            try:
                status, answer, patience = self._attempt(request)
            except (OSError, http.client.HTTPException) as error:
                wait = next(waits, None)
                if wait is None or not self._may_pass(error):
                    raise of_connection(error, self.url) from error
                was_lost = True
                self._tell(f"No answer; trying again in {wait:g} s…")
                time.sleep(wait)
                continue
            self._was_there = True
            if 200 <= status < 300 and isinstance(answer, dict):
                return answer
            if method == "DELETE" and status == 404 and was_lost:
                # The attempt whose answer was lost did it.
                return {"deleted": True}
            wait = self._patience(status, patience, waits)
            if wait is None:
                raise of_answer(status, answer)
            self._tell(f"{'Too many requests' if status == 429 else 'The server is busy'}; waiting {wait:g} s…")
            time.sleep(wait)

    def _request(self, method: str, path: str, query: Query, body: dict[str, Any] | None) -> urllib.request.Request:
        url = f"{self.url}/api/v1{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/json",
            "User-Agent": "meterhouse-cli",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        if method == "POST":
            # The same for every attempt: whichever of them arrives, it takes effect once.
            headers["Idempotency-Key"] = uuid.uuid4().hex
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(url, data, headers, method=method)  # noqa: S310

    def _attempt(self, request: urllib.request.Request) -> tuple[int, Any, str | None]:
        """Status, body and Retry-After; raises OSError or HTTPException when there is no whole answer."""
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return answer.status, _parsed(answer.read()), None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read()), error.headers.get("Retry-After")

    def _may_pass(self, error: Exception) -> bool:
        """Whether another attempt may go better: not where a name, port or certificate was wrong from the start."""
        reason = getattr(error, "reason", None)
        cause = reason if isinstance(reason, Exception) else error
        if isinstance(cause, ssl.SSLError):
            return False
        was_sent = isinstance(cause, ConnectionResetError | BrokenPipeError | TimeoutError | http.client.HTTPException)
        return self._was_there or was_sent

    def _patience(self, status: int, asked: str | None, waits: Any) -> float | None:
        """Seconds until the next attempt; None: this answer is the last word."""
        if status != 429 and status not in _PASSING:
            return None
        wait = next(waits, None)
        if wait is None:
            return None
        if asked is None or not asked.isascii() or not asked.isdigit():
            return float(wait)
        return None if float(asked) > _MOST_PATIENCE else max(float(asked), 0.1)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def checked_url(text: str) -> str:
    """The address without a path; raises Failed."""
    text = text.strip().rstrip("/")
    if "://" not in text:
        is_here = text.partition("/")[0].partition(":")[0] in ("localhost", "127.0.0.1")
        text = f"{'http' if is_here else 'https'}://{text}"
    for ending in ("/api/v1", "/api", "/v1"):
        text = text.removesuffix(ending)
    try:
        parts = urllib.parse.urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or "@" in text or not text.isprintable() or " " in text:
        raise Failed(Exit.USAGE, "This is not an address.", "Write one such as https://console.example.com.")
    return text
