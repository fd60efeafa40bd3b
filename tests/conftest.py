"""Fixtures for all tests: databases that are copies of a template, Redis, the real server, a browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import hypothesis
import pytest
import time_machine
from django.conf import settings
from django.db import connections
from django.utils import translation

from tests import migrated
from tests.databases import PostgresTemplate, SqliteTemplate, Template, using
from tests.gateway.redis_server import BINARY as REDIS_BINARY
from tests.gateway.redis_server import RedisServer
from tests.running import RunningServer

# Whether an example takes long says something of the machine.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
settings.PASSWORD_HASHERS = ["tests.quick_hasher.QuickArgon2"]

ServerFactory = Callable[..., RunningServer]


@pytest.fixture(autouse=True)
def no_language_of_the_test_before() -> Iterator[None]:
    """A request leaves its thread in its language, as the next request does not mind."""
    yield
    translation.deactivate()


@pytest.fixture
def noon() -> Iterator[None]:
    """A minute past noon on the next Wednesday amid a month, and the clock runs on: no period ends under the test.

    It lies ahead, so that nothing that is in the database already belongs to the time to come.
    """
    today = datetime.now(UTC).date()
    days = (today + timedelta(days=number) for number in range(1, 40))
    day = next(day for day in days if day.weekday() == 2 and 8 <= day.day <= 21)
    with time_machine.travel(datetime.combine(day, time(12, 1), UTC)):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Django's own test database is a file too: an in-memory one cannot be left for a copy of the template."""
    configured = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        name = tmp_path_factory.mktemp("database") / "test.sqlite3"
        shutil.copyfile(migrated.file(), name)
        configured["TEST"]["NAME"] = str(name)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """A copy of what is migrated already is taken as it is."""
    return connections["default"].vendor == "sqlite"


@pytest.fixture(scope="session")
def database_template(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: pytest.FixtureRequest, worker_suffix: str
) -> Template:
    """A migrated and seeded database of the kind that DATABASE_URL names."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        if connections["default"].vendor == "postgresql":
            return PostgresTemplate(os.environ["DATABASE_URL"], worker_suffix)
        return SqliteTemplate(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def worker_suffix() -> str:
    """Tells the processes of a parallel run apart."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture
def database_url(database_template: Template) -> Iterator[str]:
    """A fresh database of this test's own."""
    url = database_template.copy()
    yield url
    database_template.drop(url)


@pytest.fixture
def own_database(database_url: str, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """Django works on a fresh database of this test's own, in every thread; do not mix with `db`."""
    with django_db_blocker.unblock(), using(database_url):  # type: ignore[attr-defined]
        yield database_url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A throw-away Redis; tests that need it are skipped where there is none."""
    if REDIS_BINARY is None:
        pytest.skip("redis-server is not installed on this machine")
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of a Redis; what other tests left in it is not removed."""
    return redis_server.url


@pytest.fixture
def server_factory(database_template: Template, tmp_path: Path) -> Iterator[ServerFactory]:
    """Starts real servers, each with a DATA_DIR and a database of its own; ends them after the test.

    server_factory(redis_url="", workers=1, **environment) -> RunningServer
    """
    with _factory(database_template, tmp_path) as factory:
        yield factory


@pytest.fixture(scope="module")
def server(database_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One real server for the tests of a file."""
    with _factory(database_template, tmp_path_factory.mktemp("server")) as factory:
        yield factory()


@pytest.fixture(scope="module")
def four_workers(
    database_template: Template, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[RunningServer]:
    """A server of four workers for the tests of a file; keys that a test makes in its database work there."""
    with _factory(database_template, tmp_path_factory.mktemp("workers")) as factory:
        yield factory(redis_url=redis_server.url, workers=4, KEY_PEPPER=settings.KEY_PEPPER)


@contextmanager
def _factory(template: Template, folder: Path) -> Iterator[ServerFactory]:
    started: list[RunningServer] = []

    def start(*, redis_url: str = "", workers: int = 1, **extra: str) -> RunningServer:
        data_dir = folder / f"server-{len(started)}"
        server = RunningServer(data_dir, template.copy(), redis_url=redis_url, workers=workers, extra=extra)
        started.append(server)
        return server.start(max(180.0, 60.0 * workers))

    try:
        yield start
    finally:
        for server in started:
            server.end()
            template.drop(server.database_url)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed on this machine")
    return found
