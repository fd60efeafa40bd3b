"""A secret is in one HTTP response and then nowhere: not in the database, files, logs, mails, or any later page."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.dashboard.console import Person, operator, project_of
from tests.dashboard.whole_house import dump, files, places
from tests.databases import using
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.database]
_SECRET = re.compile(r"(sk-[A-Za-z0-9_-]{20,}|whsec_[A-Za-z0-9+/=]{20,})")
_TOKEN = re.compile(r'name="token" value="(\w+)"|value="(\w+)"[^>]*name="token"')
PAGES = (
    "/", "/keys/", "/keys/?status=all", "/getting-started/", "/usage/", "/usage/export.csv", "/usage/requests/",
    "/usage/requests/export.csv", "/limits/", "/limits/webhooks/", "/billing/", "/billing/export.csv", "/projects/",
    "/members/", "/settings/", "/settings/security/", "/settings/notifications/", "/settings/organization/",
    "/settings/data/", "/settings/data/export/", "/playground/", "/models/", "/docs/", "/status/", "/admin/",
    "/admin/accounts/apikey/", "/admin/accounts/auditentry/", "/nothing-here/",
    "/api/v1/keys", "/api/v1/audit", "/api/v1/webhooks", "/api/v1/me",
)  # fmt: skip


class Watched:
    """A person whose every answer is kept."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.person: Person = operator(server)
        self.answers: list[tuple[httpx.Headers, str]] = []
        self.http = self.person.http

    def keep(self, answer: httpx.Response) -> str:
        self.answers.append((answer.headers, answer.text))
        return answer.text

    def get(self, path: str) -> str:
        return self.keep(self.http.get(path, follow_redirects=True))

    def post(self, path: str, **data: Any) -> str:
        return self.keep(self.http.post(path, data=data | self.person._mark(), follow_redirects=True))

    def api(self, path: str, body: dict[str, Any], **headers: str) -> str:
        mark = {"x-csrftoken": self.http.cookies["csrftoken"], "origin": self.server.url}
        return self.keep(self.http.post(f"/api/v1/{path}", json=body, headers=mark | headers))

    def token(self, path: str) -> str:
        found = _TOKEN.search(self.get(path))
        assert found, path
        return found[1] or found[2]

    def showing(self, secret: str) -> list[httpx.Headers]:
        """The headers of the answers that hold it."""
        return [headers for headers, text in self.answers if secret in text]


def key_form(watched: Watched, project: str) -> dict[str, Any]:
    form = {"name": "web", "project": project, "owner": "me", "scopes": "chat", "expires_in": "90"}
    return form | {"token": watched.token("/keys/create/")}


def created(watched: Watched, project: str) -> tuple[str, Callable[[], str]]:
    form = key_form(watched, project)
    return watched.post("/keys/create/", **form), lambda: watched.post("/keys/create/", **form)


def regenerated(watched: Watched, project: str) -> tuple[str, Callable[[], str]]:
    made = watched.api("keys", {"name": "to regenerate"})
    path = f"/keys/{re.search('key_[A-Za-z0-9]+', made)[0]}/regenerate/"  # type: ignore[index]
    form = {"grace": "24h", "token": watched.token(path)}
    return watched.post(path, **form), lambda: watched.post(path, **form)


def first_key(watched: Watched, project: str) -> tuple[str, Callable[[], str]]:
    form = {"name": "first of all", "project": project, "token": watched.token("/getting-started/")}
    return watched.post("/getting-started/key/", **form), lambda: watched.post("/getting-started/key/", **form)


def by_script(watched: Watched, project: str) -> tuple[str, Callable[[], str]]:
    once = {"Idempotency-Key": "one"}
    return watched.api("keys", {"name": "by script"}, **once), lambda: watched.api("keys", {"name": "another"}, **once)


def by_script_again(watched: Watched, project: str) -> tuple[str, Callable[[], str]]:
    made = watched.api("keys", {"name": "script, regenerated"})
    path = f"keys/{re.search('key_[A-Za-z0-9]+', made)[0]}/regenerate"  # type: ignore[index]
    return watched.api(path, {}), lambda: watched.get("/keys/")


def endpoint(watched: Watched, project: str) -> tuple[str, Callable[[], str]]:
    form = {"url": "https://hooks.example.com/", "token": watched.token("/limits/webhooks/add/")}
    return watched.post("/limits/webhooks/add/", **form), lambda: watched.post("/limits/webhooks/add/", **form)


WAYS = (created, regenerated, first_key, by_script, by_script_again, endpoint)


@pytest.fixture(scope="module")
def watched(server: RunningServer) -> Watched:
    return Watched(server)


@pytest.fixture(scope="module")
def project(server: RunningServer, django_db_blocker: DjangoDbBlocker) -> str:
    return project_of(server, django_db_blocker)


@pytest.fixture
def inside(server: RunningServer, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), using(server.database_url):
        yield


def test_each_is_in_one_answer_and_then_nowhere(watched: Watched, project: str, inside: None) -> None:
    """All together, so that pages, dump and files have to be searched once."""
    secrets = {}
    for way in WAYS:
        shown, again = way(watched, project)
        secret = next(found for found in dict.fromkeys(_SECRET.findall(shown)))
        secrets[way.__name__] = secret
        again()
        if secret.startswith("sk-"):
            use(watched.server, secret)
    for path in PAGES:
        watched.get(path)
    for path in sorted(set(re.findall(r'href="(/(?:keys|limits/webhooks|usage/requests)/[\w/]+)"', seen(watched)))):
        watched.get(path)
    assert len(set(secrets.values())) == len(WAYS)
    assert list(files(watched.server))
    assert "django_session" in {table for table, _ in dump()}
    for name, secret in secrets.items():
        (headers,) = watched.showing(secret)
        assert "no-store" in headers["cache-control"], name
        assert "set-cookie" not in headers or secret not in headers["set-cookie"]
        assert places(watched.server, secret) == [], name
    # The search does find what is there: a request id in the database, a mail's words on the disk.
    assert places(watched.server, project)


def seen(watched: Watched) -> str:
    return "".join(text for _, text in watched.answers)


def use(server: RunningServer, secret: str) -> None:
    """A call that works, one that is refused, and one with the secret at a wrong place."""
    ask = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx.post(f"{server.url}/v1/chat/completions", json=ask, headers=headers, timeout=60).status_code == 200
    httpx.post(f"{server.url}/v1/chat/completions", json=ask | {"model": "none"}, headers=headers, timeout=60)
    httpx.get(f"{server.url}/v1/models?key={secret}", timeout=60)
    httpx.get(f"{server.url}/keys/?q={secret}", timeout=60)
    httpx.post(f"{server.url}/accounts/login/", data={"login": secret, "password": secret}, timeout=60)


def test_the_same_form_again_makes_nothing_and_shows_nothing(watched: Watched, project: str) -> None:
    form = key_form(watched, project) | {"name": "reloaded"}
    secret = _SECRET.findall(watched.post("/keys/create/", **form))[0]
    for _ in range(3):
        again = watched.post("/keys/create/", **form)
        assert "Key created. The secret was shown once." in again
        assert not _SECRET.search(again)
    assert len(watched.showing(secret)) == 1
    listed = watched.http.get("/api/v1/keys").json()["data"]
    assert [key["name"] for key in listed].count("reloaded") == 1
