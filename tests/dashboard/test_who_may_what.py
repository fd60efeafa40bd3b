"""Every URL of the console, for every role, another organization's owner and nobody: pages, controls, direct POSTs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from dashboard.urls import urlpatterns
from tests.dashboard.console_rights import OUTSIDE, ROLES, TABLE, Row
from tests.dashboard.console_world import World, furnish

pytestmark = pytest.mark.django_db
# What a look at a page may write: that somebody is here.
_OWN_TRACES = ("django_session", "usersessions_usersession")
_KINDS = ("org", "key", "proj", "inv", "pre", "req", "user", "lim", "we", "dlv")


@pytest.fixture
def world() -> World:
    return furnish()


@contextmanager
def writes() -> Iterator[list[str]]:
    """The statements that change something, but for the traces of the session itself."""
    seen: list[str] = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if re.match(r"\s*(INSERT|UPDATE|DELETE)", sql) and not any(table in sql for table in _OWN_TRACES):
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


@contextmanager
def undone() -> Iterator[None]:
    """As if nothing in here had happened."""
    point = transaction.savepoint()
    yield
    transaction.savepoint_rollback(point)


def may(row: Row, who: str, *, send: bool = False) -> bool:
    """Charlie owns an organization of his own: what names nothing of Alice's is his own page."""
    if send and row.may_post is not None and who in ROLES:
        return who in row.may_post
    if row.is_public or who in row.may:
        return True
    return who == "Charlie" and not row.stranger and not row.of.keys() - {"turn"}


def refusals(row: Row, who: str) -> int:
    """What somebody gets who may not."""
    if who == "nobody":
        return 401 if row.is_for_scripts else 302
    return 404 if who == "Charlie" else 403


def leads(page: str, address: str) -> bool:
    """Whether a link, form or script of the page leads there."""
    return bool(re.search(rf"""["']{re.escape(address)}[?#"']""", page))


def test_every_url_has_its_row() -> None:
    assert {one.name for one in urlpatterns} == set(TABLE)


@pytest.mark.parametrize("who", [*ROLES, *OUTSIDE])
def test_a_page_shows_what_one_may_and_looking_changes_nothing(world: World, who: str) -> None:
    client = world.client(who)
    # The documentation speaks of every page to everybody.
    pages = {}
    for name, row in TABLE.items():
        with undone(), writes() as written:
            answer = world.get(client, name)
        if "GET" not in row.methods:
            assert answer.status_code == 405, name
        elif may(row, who):
            assert answer.status_code == row.shows, name
        else:
            assert answer.status_code == refusals(row, who), name
            assert who != "nobody" or row.is_for_scripts or answer["location"].startswith("/accounts/login/?next=")
        assert not written, name
        if answer.status_code == 200 and not answer.streaming and not name.startswith("docs"):
            pages[name] = answer.content.decode()
    controls_are_those_one_may_use(world, who, pages)


def controls_are_those_one_may_use(world: World, who: str, pages: dict[str, str]) -> None:
    for name, row in TABLE.items():
        address = world.address(name)
        if not may(row, who) and not row.stranger:
            assert not [page for page, text in pages.items() if leads(text, address)], f"{name} for {who}"
        elif row.at in pages and who in ROLES:
            assert leads(pages[row.at], address), f"{name} for {who}"
    if who in OUTSIDE:
        of_alice = [str(world.values[value]) for row in TABLE.values() for value in row.of.values()]
        for name, text in pages.items():
            ids = [one for one in of_alice if one.partition("_")[0] in _KINDS]
            assert name == "join" or not [one for one in ids if one in text], f"{name} for {who}"


@pytest.mark.parametrize("who", [*ROLES, *OUTSIDE])
def test_a_form_that_is_sent_directly_needs_the_right(world: World, who: str) -> None:
    client = world.client(who)
    for name, row in TABLE.items():
        with undone(), writes() as written:
            answer = world.post(client, name, who)
        if row.posted:
            assert answer.status_code == row.posted(who), name
            assert not written, name
        elif "POST" not in row.methods:
            assert answer.status_code == 405, name
            assert not written, name
        elif not may(row, who, send=True):
            assert answer.status_code == refusals(row, who), name
            assert not written, name
        elif who in ROLES:
            assert answer.status_code == row.done, f"{name}: {answer.content[:3000]!r}"


@pytest.mark.parametrize("who", ["owner", "nobody"])
def test_a_form_of_another_site_is_refused(world: World, who: str) -> None:
    client = world.client(who, enforce_csrf_checks=True)
    for name, row in TABLE.items():
        if "POST" in row.methods:
            with undone(), writes() as written:
                answer = world.post(client, name, who)
            assert answer.status_code == 403, name
            assert not written, name
