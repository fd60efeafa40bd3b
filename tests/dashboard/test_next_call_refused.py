"""What is stopped in the console is refused to the very next call, on every worker, in the thick of it too."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from accounts import keys, organizations
from accounts.models import Project, User
from accounts.roles import Role
from tests.dashboard.console import Person
from tests.dashboard.worker_lines import Line, to_every_worker
from tests.databases import using
from tests.people import PASSWORD, House, house
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.redis, pytest.mark.database]
_numbers = itertools.count(1)
FINE, NO_KEY = (200, ""), (401, "invalid_api_key")


class Scene:
    """Alice at the console, Bob with a key of his own, and a line to each worker."""

    def __init__(self, server: RunningServer, lines: list[Line]) -> None:
        self.server = server
        self.lines = lines
        self.number = next(_numbers)
        self.alice: House = house(f"Alice{self.number}", rpm=10_000)
        self.bob: User = self.alice.member(f"Bob{self.number}", Role.DEVELOPER)
        self.key, self.secret = self.alice.key("shared")
        own = keys.create(self.alice.project, "own", self.alice.actor, owner=self.bob)
        self.own_secret = own.secret
        self.console = Person(server, self.alice.owner.email, PASSWORD)

    def do(self, path: str, **data: Any) -> None:
        """Send a form of the console; it must be done when this returns."""
        answer = self.console.http.post(path, data=data | self.console._mark())
        assert answer.status_code in (200, 302), answer.text[:500]
        assert "errorsummary" not in answer.text

    def told(self, secret: str, **over: Any) -> set[tuple[int, str]]:
        """What the workers answer to the very next call on each."""
        return {line.ask(secret, **over) for line in self.lines}


Deed = Callable[[Scene], None]


def archive(scene: Scene) -> None:
    scene.do(f"/projects/{scene.alice.project.public_id}/archive/")


def delete_project(scene: Scene) -> None:
    archive(scene)
    scene.do(f"/projects/{scene.alice.project.public_id}/delete/", name=scene.alice.project.name)


def suspend(scene: Scene) -> None:
    organizations.suspend(scene.alice.organization, "The bill is open.", scene.alice.actor)


def restricted(**how: str) -> Deed:
    def deed(scene: Scene) -> None:
        scene.do(f"/keys/{scene.key.public_id}/restrict/", **{"scopes": "chat", "expires_in": "90", **how})

    return deed


def key_verb(verb: str, **data: str) -> Deed:
    return lambda scene: scene.do(f"/keys/{scene.key.public_id}/{verb}/", **{"name": scene.key.name, **data})


def regenerate(scene: Scene) -> None:
    current = scene.key.current_secret()
    assert current
    scene.do(f"/keys/{scene.key.public_id}/regenerate/", grace="now", token=str(current.pk))


def bob_verb(path: str, **data: str) -> Deed:
    return lambda scene: scene.do(path.format(bob=scene.bob.public_id, project=scene.alice.project.public_id), **data)


SHARED: dict[str, tuple[Deed, tuple[int, str]]] = {
    "revoked": (key_verb("revoke"), NO_KEY),
    "disabled": (key_verb("disable"), NO_KEY),
    "regenerated": (regenerate, NO_KEY),
    "its project archived": (archive, NO_KEY),
    "its project deleted": (delete_project, NO_KEY),
    "the organization suspended": (suspend, (403, "organization_suspended")),
    "another model allowed": (restricted(allowed_models="deepseek-math"), (403, "model_not_allowed")),
    "another network allowed": (restricted(allowed_networks="192.0.2.0/24"), (403, "ip_not_allowed")),
    "for usage only": (restricted(scopes="usage"), (403, "insufficient_permissions")),
}
OF_BOB: dict[str, Deed] = {
    "removed": bob_verb("/members/{bob}/remove/"),
    "made a viewer": bob_verb("/members/{bob}/role/", role="viewer"),
    "taken out of the project": bob_verb("/projects/{project}/members/{bob}/remove/"),
}


@pytest.fixture(scope="module")
def lines(four_workers: RunningServer) -> Iterator[list[Line]]:
    with to_every_worker(four_workers) as found:
        yield found


@pytest.fixture
def scene(four_workers: RunningServer, lines: list[Line], django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    with django_db_blocker.unblock(), using(four_workers.database_url):
        yield Scene(four_workers, lines)


def test_there_are_four_workers(lines: list[Line]) -> None:
    assert len({line.worker for line in lines}) == 4


@pytest.mark.parametrize("what", SHARED)
def test_a_key_is_refused_by_every_worker(scene: Scene, what: str) -> None:
    deed, refusal = SHARED[what]
    assert scene.told(scene.secret) == {FINE}
    deed(scene)
    assert scene.told(scene.secret) == {refusal}


@pytest.mark.parametrize("what", OF_BOB)
def test_a_key_of_somebody_who_left_is_refused_and_the_projects_works(scene: Scene, what: str) -> None:
    assert scene.told(scene.own_secret) == {FINE}
    OF_BOB[what](scene)
    assert scene.told(scene.own_secret) == {NO_KEY}
    assert scene.told(scene.secret) == {FINE}


def test_an_old_secret_is_refused_when_its_time_is_cut_short(scene: Scene) -> None:
    current = scene.key.current_secret()
    assert current
    scene.do(f"/keys/{scene.key.public_id}/regenerate/", grace="7d", token=str(current.pk))
    assert scene.told(scene.secret) == {FINE}
    scene.do(f"/keys/{scene.key.public_id}/stop-old/")
    assert scene.told(scene.secret) == {NO_KEY}


def test_what_is_undone_works_again_on_every_worker(scene: Scene) -> None:
    for path in (f"/keys/{scene.key.public_id}", f"/projects/{scene.alice.project.public_id}"):
        off, on = ("disable", "enable") if "keys" in path else ("archive", "restore")
        scene.do(f"{path}/{off}/")
        assert scene.told(scene.secret) == {NO_KEY}
        scene.do(f"{path}/{on}/")
        assert scene.told(scene.secret) == {FINE}


def test_the_playground_of_somebody_who_left_is_closed_on_every_worker(scene: Scene) -> None:
    bob = Person(scene.server, scene.bob.email, PASSWORD)
    project = scene.alice.project.public_id

    def asked() -> set[tuple[int, str]]:
        body = {"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
        cookies = "; ".join(f"{name}={value}" for name, value in bob.http.cookies.items())
        found = set()
        for number, line in enumerate(scene.lines):
            turn = f"{time.time_ns():030x}{number:02x}"
            headers = {**bob.headers(project, turn), "cookie": cookies}
            found.add(line.send("POST", "/playground/chat/", body, headers))
        return found

    assert asked() == {FINE}
    scene.do(f"/members/{scene.bob.public_id}/remove/")
    assert asked() == {(404, "project_not_found")}


def test_a_management_key_is_refused_by_every_worker(scene: Scene) -> None:
    key, secret = scene.alice.key("robot", scopes=("management",))

    def asked() -> set[int]:
        headers = {"authorization": f"Bearer {secret}"}
        return {line.send("GET", "/api/v1/me", {}, headers)[0] for line in scene.lines}

    assert asked() == {200}
    scene.do(f"/keys/{key.public_id}/revoke/", name=key.name)
    assert asked() == {401}


def test_of_calls_that_come_all_the_time_none_gets_in_that_begins_after_the_answer(scene: Scene) -> None:
    seen: list[tuple[float, int]] = []
    stop = threading.Event()
    with several(scene, seen, stop):
        while sum(status == 200 for _, status in seen) < 40:
            time.sleep(0.02)
        scene.do(f"/keys/{scene.key.public_id}/revoke/", name=scene.key.name)
        answered = time.monotonic()
        wanted = len(seen) + 40
        while len(seen) < wanted:
            time.sleep(0.02)
    late = [status for began, status in seen if began > answered]
    assert len(late) >= 20
    assert set(late) == {401}


@contextmanager
def several(scene: Scene, seen: list[tuple[float, int]], stop: threading.Event) -> Iterator[None]:
    """Eight callers who ask on and on, each on a connection of its own."""

    def call() -> None:
        line = Line(scene.server)
        while not stop.is_set():
            began = time.monotonic()
            seen.append((began, line.ask(scene.secret)[0]))
        line.close()

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        stop.set()
        for caller in callers:
            caller.join(60)


def test_a_project_is_nobodys_business_but_its_own(scene: Scene) -> None:
    other = Project.objects.create(organization=scene.alice.organization, name="Other")
    secret = keys.create(other, "other", scene.alice.actor).secret
    archive(scene)
    assert scene.told(scene.secret) == {NO_KEY}
    assert scene.told(secret) == {FINE}
