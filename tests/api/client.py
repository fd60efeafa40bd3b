"""Somebody at the API's door."""

import json
from typing import Any

from django.test import Client

from accounts.models import User
from api.codes import CODES


class Door:
    """A caller with a key, or with a session."""

    def __init__(self, secret: str | None = None, user: User | None = None, *, csrf: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=csrf)
        self.secret = secret
        if user:
            self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response; `body` is JSON, or raw bytes."""
        if self.secret:
            headers.setdefault("authorization", f"Bearer {self.secret}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method, f"/api/{path}", raw, content_type="application/json", headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None) -> Any:
        return self.send("PATCH", path, body)


def fault(response: Any) -> tuple[int, str | None, str | None]:
    """Status, code and param; the answer must have the one shape."""
    body = response.json()
    assert set(body) == {"error"}, body
    error = body["error"]
    assert {"message", "type", "param", "code"} <= set(error) <= {"message", "type", "param", "code", "errors"}
    assert isinstance(error["message"], str) and error["message"]
    explained = CODES[error["code"]]
    assert (response.status_code, error["type"]) == (explained.status, explained.type)
    assert response["x-request-id"] and response["Cache-Control"] == "no-store"
    return response.status_code, error["code"], error["param"]
