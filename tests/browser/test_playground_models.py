"""The list of models in the playground: a search field that the keyboard and a screen reader use like any combobox."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.playground import Playground, chromium_running, opened
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def shared(server: RunningServer, browser: Browser) -> Iterator[Playground]:
    with opened(browser, server) as page:
        yield page


@pytest.fixture
def page(shared: Playground) -> Iterator[Page]:
    shared.page.evaluate("sessionStorage.clear()")
    shared.open()
    yield shared.page
    assert shared.errors == []


def field(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Model", exact=True)


def active(page: Page) -> Locator:
    """The row that the field points to."""
    return page.locator(f"#{field(page).get_attribute('aria-activedescendant')}")


def test_typing_finds_a_model_by_a_part_of_its_name_and_enter_takes_it(page: Page) -> None:
    field(page).focus()
    page.keyboard.type("math")
    expect(field(page)).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.locator(".pg-model [role=status]").first).to_have_text("1 model")
    expect(active(page)).to_contain_text("deepseek-math")
    expect(active(page)).to_contain_text("context · $")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value("deepseek-math")
    expect(field(page)).to_have_attribute("aria-expanded", "false")
    expect(field(page)).to_be_focused()
    assert page.input_value("#pg-model") == "deepseek-math"
    expect(page.locator("#pg-model-facts")).to_contain_text("output per 1M tokens")


def test_arrows_move_and_go_round(page: Page) -> None:
    field(page).focus()
    page.keyboard.press("ArrowDown")
    rows = page.get_by_role("option")
    first = rows.first.get_attribute("id")
    assert active(page).get_attribute("id") == first and active(page).get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    assert active(page).get_attribute("id") == rows.last.get_attribute("id")
    page.keyboard.press("ArrowDown")
    assert active(page).get_attribute("id") == first


def test_escape_leaves_everything_as_it_was(page: Page) -> None:
    before = field(page).input_value()
    field(page).focus()
    page.keyboard.type("coder")
    page.keyboard.press("Escape")
    expect(field(page)).to_have_value(before)
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.keyboard.type("nothing like it")
    expect(page.locator(".pg-models").first).to_contain_text("No model matches “nothing like it”.")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(field(page)).to_have_value(before)
    assert page.input_value("#pg-model") == before


def test_a_click_chooses_and_the_field_keeps_the_focus(page: Page) -> None:
    field(page).click()
    page.get_by_role("option", name="deepseek-coder").click()
    expect(field(page)).to_have_value("deepseek-coder")
    expect(field(page)).to_be_focused()


def test_a_model_without_a_provider_is_shown_and_cannot_be_chosen(page: Page) -> None:
    before = field(page).input_value()
    page.evaluate("""document.querySelector('#pg-model option[value="deepseek-math"]').disabled = true""")
    field(page).focus()
    page.keyboard.type("math")
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    expect(field(page)).to_have_value(before)


def test_tab_meets_one_field_not_two(page: Page) -> None:
    field(page).focus()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#pg-model")).not_to_be_focused()
    page.keyboard.press("Tab")
    expect(field(page)).to_be_focused()
