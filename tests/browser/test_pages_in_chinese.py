"""Every page in Simplified Chinese is in it, and no wider than a telephone."""

import pytest
from playwright.sync_api import Browser

from tests.browser.furnished import Furnished
from tests.browser.looking import People
from tests.browser.pages import PAGES, Page

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(600)]
# The documentation is looked at once: its words are those of the English pages.
_SEEN = [page for page in PAGES if page.name != "docs-page" or page.state == "anybody"]


@pytest.fixture(scope="module")
def people(browser: Browser, lived_in: Furnished) -> People:
    return People(browser, lived_in, locale="zh-CN")


@pytest.mark.parametrize("page", _SEEN, ids=str)
def test_a_page_fits_in_chinese(people: People, page: Page) -> None:
    with people.visit(page.who) as visit:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.open(page.path, page.steps)
        assert visit.page.get_attribute("html", "lang") == "zh-hans"
        assert visit.too_wide() == []
        visit.resize(320)
        assert visit.too_wide() == []
        visit.picture(f"{page}-320-chinese")
