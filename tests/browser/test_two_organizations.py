"""One person, two organizations, two tabs: what a tab shows is what its buttons are about."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.furnished import Furnished
from tests.browser.stopped_clock import stop_the_clock

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def tabs(browser: Browser, lived_in: Furnished) -> Iterator[tuple[Page, Page]]:
    """Two tabs of Vera's, both in her own organization."""
    context = browser.new_context(base_url=lived_in.server.url)
    context.add_cookies(lived_in.cookies("vera"))
    first, second = context.new_page(), context.new_page()
    _switch(first, lived_in.names["vera_house"])
    yield first, second
    context.close()


def _switch(tab: Page, to: str) -> None:
    tab.goto("/")
    tab.locator("summary.switch").click()
    tab.locator(f"form[action$='/{to}/switch/'] button").click()
    expect(tab.locator("body")).to_have_attribute("data-organization", to)


def test_a_form_acts_where_its_tab_is(tabs: tuple[Page, Page], lived_in: Furnished) -> None:
    first, second = tabs
    first.goto("/projects/create/")
    first.fill("main [name=name]", "Made in the first tab")
    _switch(second, lived_in.names["otto_house"])
    first.locator("main form:not(.languages) button[type=submit]").click()
    expect(first.locator("h1")).to_contain_text("Made in the first tab")
    expect(first.locator("body")).to_have_attribute("data-organization", lived_in.names["vera_house"])


def test_a_dialog_of_another_organization_opens_as_its_own_page(tabs: tuple[Page, Page], lived_in: Furnished) -> None:
    first, second = tabs
    _switch(first, lived_in.names["otto_house"])
    first.goto("/members/")
    _switch(second, lived_in.names["vera_house"])
    first.click("a[data-page-dialog][href$='/leave/']")
    first.wait_for_url("**/members/leave/")
    expect(first.locator("body")).to_have_attribute("data-organization", lived_in.names["vera_house"])


def test_live_figures_stop_when_they_would_be_another_organizations(
    tabs: tuple[Page, Page], lived_in: Furnished
) -> None:
    first, second = tabs
    stop_the_clock(first)
    first.goto("/")
    _switch(second, lived_in.names["otto_house"])
    first.bring_to_front()
    before = first.locator("[data-live]").first.inner_html()
    with first.expect_response(lambda answer: answer.url.rstrip("/") == lived_in.server.url):
        first.clock.run_for(40_000)
    expect(first.locator("[data-live-note]")).to_be_visible()
    assert first.locator("[data-live]").first.inner_html() == before
