"""What the tests of all pages share: one lived-in house a process, and one browser a file."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.furnished import Furnished, furnished
from tests.browser.playground import chromium_running
from tests.databases import Template
from tests.waiting import LONG

# Five seconds are little for a page on a busy machine.
expect.set_options(timeout=1000 * LONG)


@pytest.fixture(scope="session")
def lived_in(
    database_template: Template, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Furnished]:
    """Looked at by many tests: what one changes must not matter to another."""
    with furnished(database_template, tmp_path_factory.mktemp("lived-in"), django_db_blocker) as house:
        yield house


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running
