"""Databases for tests that have several connections, threads or processes: each a copy of a migrated template."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import dj_database_url
import psycopg
from django.core.management import call_command
from django.db import connections

from billing import opening
from tests import migrated

_numbers = itertools.count(1)


class Template(Protocol):
    """A migrated and seeded database to copy."""

    def copy(self) -> str:
        """The URL of a fresh copy."""

    def drop(self, url: str) -> None:
        """Remove a copy that nobody uses any more."""


class SqliteTemplate:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "template.sqlite3"
        shutil.copyfile(migrated.file(), self._file)
        _fill(_sqlite_url(self._file))

    def copy(self) -> str:
        target = self._folder / f"copy-{next(_numbers)}.sqlite3"
        shutil.copyfile(self._file, target)
        return _sqlite_url(target)

    def drop(self, url: str) -> None:
        for path in self._folder.glob(f"{Path(urlsplit(url).path).name}*"):
            path.unlink()


class PostgresTemplate:
    def __init__(self, server_url: str, suffix: str) -> None:
        self._server_url = server_url
        self._name = f"meterhouse_template_{suffix}"
        self._run(f'DROP DATABASE IF EXISTS "{self._name}"')
        self._run(f'CREATE DATABASE "{self._name}"')
        _fill(self._url(self._name))

    def copy(self) -> str:
        name = f"{self._name}_{next(_numbers)}"
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')
        return self._url(name)

    def drop(self, url: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server_url)._replace(path=f"/{name}"))

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def _fill(url: str) -> None:
    with using(url):
        call_command("migrate", interactive=False, verbosity=0)
        opening.seed_if_empty()


@contextmanager
def using(url: str) -> Iterator[None]:
    """Every connection that is opened meanwhile, in any thread, goes to this database."""
    configured: dict[str, Any] = connections["default"].settings_dict
    parsed = dj_database_url.parse(url)
    before = dict(configured)
    connections.close_all()
    configured.update({name: parsed[name] for name in ("NAME", "USER", "HOST", "PORT", "PASSWORD")})
    try:
        yield
    finally:
        connections.close_all()
        configured.clear()
        configured.update(before)
