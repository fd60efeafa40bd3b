"""Models may have names much longer than ours: nothing is pushed out of the window or out of its table."""

import pytest
from playwright.sync_api import Browser

from tests.browser.furnished import Furnished
from tests.browser.looking import People

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(300)]

LONG = "some-vendor/" + "model-with-a-long-name-" * 2 + "W" * 24
_RENAME = """([selector, name]) => document.querySelectorAll(selector).forEach((one) => {
  const text = [...one.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (text) text.data = name;
})"""


@pytest.mark.parametrize("path", ["/", "/usage/", "/usage/requests/"])
def test_the_names_under_a_chart_stay_in_the_window(browser: Browser, lived_in: Furnished, path: str) -> None:
    with People(browser, lived_in).visit("ana") as visit:
        visit.open(path)
        visit.resize(390)
        visit.page.evaluate(_RENAME, [".legend a, .legend .item", LONG])
        assert LONG in visit.page.locator(".legend").first.inner_text()
        assert not visit.too_wide()


def test_the_cost_of_a_recent_request_stays_in_sight(browser: Browser, lived_in: Furnished) -> None:
    with People(browser, lived_in).visit("ana") as visit:
        visit.open("/")
        rows = "section[aria-labelledby=recent-title] tbody tr"
        visit.page.evaluate(_RENAME, [f"{rows} td:nth-child(2)", LONG])
        visit.page.evaluate(_RENAME, [f"{rows} td:nth-child(3)", LONG])
        visit.page.evaluate(_RENAME, [f"{rows} td:last-child data", "0.000000003"])
        assert LONG in visit.page.locator(rows).first.inner_text()
        inside = "(one) => one.scrollWidth <= one.clientWidth"
        assert visit.page.locator("section[aria-labelledby=recent-title] .table-responsive").evaluate(inside)
