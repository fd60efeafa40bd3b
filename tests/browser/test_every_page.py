"""Every page, in both themes, at a desk and on a telephone: accessible, quiet, no wider than its window."""

import json

import pytest
from playwright.sync_api import Browser

from tests.browser.furnished import Furnished
from tests.browser.looking import People, Visit
from tests.browser.pages import PAGES, Page

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(600)]

CONTROLS = 80


@pytest.fixture(scope="module")
def people(browser: Browser, lived_in: Furnished) -> People:
    return People(browser, lived_in)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_is_as_it_should_be(people: People, page: Page) -> None:
    with people.visit(page.who) as visit:
        status = visit.open(page.path, page.steps)
        assert page.steps or status == page.status
        assert page.steps or visit.path.startswith(page.leads or page.path.partition("?")[0].partition("{")[0])
        look(visit, str(page))


def look(visit: Visit, name: str, *, whole: bool = True) -> None:
    """Light at a desk, dark on a telephone: what differs by size does not differ by theme."""
    found: dict[str, list[str]] = {}
    found["too wide at 1440"] = visit.too_wide()
    found["axe, light at 1440"] = visit.serious()
    visit.picture(f"{name}-1440-light", whole=whole)
    found["focus at 1440"] = visit.unseen_focus(CONTROLS)
    visit.resize(390)
    visit.theme("dark")
    found["too wide at 390"] = visit.too_wide()
    found["axe, dark at 390"] = visit.serious()
    visit.picture(f"{name}-390-dark", whole=whole)
    found["focus at 390"] = visit.unseen_focus(CONTROLS)
    visit.resize(320)
    found["too wide at 320"] = visit.too_wide()
    found["wrong"] = visit.wrong
    found["violations"] = visit.violations()
    found["other policies"] = visit.other_policies()
    wrong = {what: one for what, one in found.items() if one}
    assert not wrong, json.dumps(wrong, indent=2)


def test_on_a_telephone_the_open_tab_is_in_sight(people: People) -> None:
    with people.visit("ana") as visit:
        visit.resize(390)
        for path in ("/settings/", "/settings/exports/", "/settings/data/"):
            visit.open(path)
            tab = visit.page.locator(".tabs [aria-current]").bounding_box()
            assert tab and tab["x"] >= 0 and tab["x"] + tab["width"] <= 390
