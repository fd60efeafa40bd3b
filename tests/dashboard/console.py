"""A person at the console of a running server, over plain HTTP."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Project
from tests.databases import using
from tests.running import RunningServer
from usage.models import UsageEvent

T = TypeVar("T")


class Person:
    """Somebody who is logged in and works in one project."""

    def __init__(self, server: RunningServer, email: str, password: str) -> None:
        self.http = httpx.Client(base_url=server.url, timeout=30)
        self.http.get("/accounts/login/")
        done = self.http.post("/accounts/login/", data={"login": email, "password": password} | self._mark())
        assert done.status_code == 302, "the log-in failed"

    def _mark(self) -> dict[str, str]:
        return {"csrfmiddlewaretoken": self.http.cookies["csrftoken"]}

    def headers(self, project: str, turn: str) -> dict[str, str]:
        """What the playground's script sends along."""
        return {
            "content-type": "application/json",
            "x-csrftoken": self.http.cookies["csrftoken"],
            "x-playground-project": project,
            "x-playground-turn": turn,
        }

    @contextmanager
    def ask(self, project: str, turn: str = "", **members: Any) -> Iterator[httpx.Response]:
        """One request from the playground, its answer not read yet; leaving the block closes the connection."""
        body = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello"}], **members}
        headers = self.headers(project, turn or new_turn())
        with self.http.stream("POST", "/playground/chat/", json=body, headers=headers) as response:
            yield response

    def receipt(self, turn: str) -> dict[str, Any]:
        """What the server says of a turn."""
        found: dict[str, Any] = self.http.get(f"/playground/receipts/{turn}/").json()
        return found


def new_turn() -> str:
    return secrets.token_hex(16)


def operator(server: RunningServer) -> Person:
    """The person whose log-in the first start printed."""
    first = server.first_start
    return Person(server, first["e-mail"], first["password"])


def project_of(server: RunningServer, blocker: DjangoDbBlocker) -> str:
    """The public id of the operator's project."""

    def look() -> str:
        with blocker.unblock(), using(server.database_url):
            return Project.objects.get(organization__name="Meterhouse").public_id

    return aside(look)


def events(server: RunningServer, blocker: DjangoDbBlocker, **wanted: Any) -> list[UsageEvent]:
    """Usage events of the server's database, oldest first, with their key."""

    def look() -> list[UsageEvent]:
        with blocker.unblock(), using(server.database_url):
            return list(UsageEvent.objects.filter(**wanted).select_related("api_key", "user").order_by("id"))

    return aside(look)


def aside(look: Callable[[], T]) -> T:
    """In a thread of its own: where a browser runs, the thread has an event loop, and Django refuses to work there."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(look).result()
