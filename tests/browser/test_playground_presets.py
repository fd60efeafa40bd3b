"""Presets in the browser: save, use, update with what changed, delete with undo, open by link."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Preset
from tests.browser.playground import Playground, chromium_running, opened
from tests.dashboard.console import aside
from tests.databases import using
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
def playground(shared: Playground) -> Playground:
    shared.page.evaluate("sessionStorage.clear()")
    shared.open()
    shared.errors.clear()
    return shared


def dialog(playground: Playground) -> Locator:
    return playground.page.locator("#pg-presets")


def save(playground: Playground, name: str, *, scope: str = "me", starters: bool = False) -> str:
    """Save what is on screen; the preset's id."""
    page = playground.page
    page.click("#pg-open-presets")
    page.fill("#pg-preset-name", name)
    page.check(f'#pg-presets [name="scope"][value="{scope}"]')
    if starters:
        page.check('#pg-presets [name="starters"]')
    page.click("[data-save-preset]")
    expect(dialog(playground)).to_contain_text(f"Saved “{name}”.")
    found = row(playground, name).get_attribute("data-preset")
    assert found
    page.keyboard.press("Escape")
    return found


def row(playground: Playground, name: str) -> Locator:
    return playground.page.locator(".pg-preset", has_text=name)


def act(playground: Playground, deed: str, name: str) -> None:
    dialog(playground).get_by_role("button", name=f"{deed} {name}", exact=True).click()


def test_what_is_saved_can_be_used_again(playground: Playground) -> None:
    page = playground.page
    page.fill('[name="system"]', "Answer with an echo.")
    page.fill('[name="temperature"]', "0.5")
    page.press('[name="temperature"]', "Tab")
    page.select_option("#pg-model", "deepseek-coder")
    save(playground, "Echo")
    expect(page.locator("#pg-preset")).to_have_text("Preset: Echo")
    page.click('[data-reset="all"]')
    page.select_option("#pg-model", "deepseek-chat")
    page.click("#pg-open-presets")
    act(playground, "Use", "Echo")
    expect(dialog(playground)).to_be_hidden()
    assert page.input_value("#pg-model") == "deepseek-coder"
    assert page.input_value('[name="temperature"]') == "0.5"
    with page.expect_request("**/playground/chat/") as sent:
        playground.ask("Hello")
    body = sent.value.post_data_json
    assert body["messages"][0] == {"role": "system", "content": "Answer with an echo."}
    assert body["temperature"] == 0.5
    assert playground.errors == []


def test_an_update_shows_what_changes(playground: Playground) -> None:
    page = playground.page
    save(playground, "Changing", scope="project")
    page.fill('[name="max_tokens"]', "7")
    page.press('[name="max_tokens"]', "Tab")
    page.click("#pg-open-presets")
    expect(dialog(playground)).to_contain_text("Changed since “Changing”")
    expect(dialog(playground)).to_contain_text("Max output tokens: default → 7")
    page.get_by_role("button", name="Update", exact=True).click()
    expect(dialog(playground)).to_contain_text("Updated “Changing”.")
    expect(page.locator("[data-presets-update]")).to_be_hidden()
    expect(row(playground, "Changing")).to_contain_text("Project")


def test_a_deleted_one_comes_back(playground: Playground) -> None:
    page = playground.page
    save(playground, "Short-lived")
    page.click("#pg-open-presets")
    act(playground, "Delete", "Short-lived")
    expect(row(playground, "Short-lived")).to_contain_text("Deleted “Short-lived”.")
    page.get_by_role("button", name="Undo deleting Short-lived").click()
    expect(dialog(playground)).to_contain_text("“Short-lived” is back.")
    act(playground, "Delete", "Short-lived")
    expect(row(playground, "Short-lived")).to_contain_text("Deleted “Short-lived”.")
    page.reload()
    page.wait_for_selector("#pg-app:not([hidden])")
    page.click("#pg-open-presets")
    expect(row(playground, "Changing")).to_be_visible()
    expect(row(playground, "Short-lived")).to_have_count(0)


def test_a_taken_name_is_said_at_the_field(playground: Playground) -> None:
    page = playground.page
    save(playground, "Taken")
    page.click("#pg-open-presets")
    page.fill("#pg-preset-name", "Taken")
    page.click("[data-save-preset]")
    expect(page.locator("#pg-preset-name-error")).to_contain_text("There is already a preset named “Taken”.")
    expect(page.locator("#pg-preset-name")).to_be_focused()
    assert page.input_value("#pg-preset-name") == "Taken"


def test_a_link_starts_from_the_preset_with_its_messages(playground: Playground) -> None:
    page = playground.page
    playground.ask("A first message")
    preset = save(playground, "With messages", starters=True)
    page.evaluate("sessionStorage.clear()")
    page.goto(f"{playground.server.url}/playground/?preset={preset}")
    expect(page.locator("#pg-preset")).to_have_text("Preset: With messages")
    assert page.locator(".msg").count() == 2
    assert "preset=" not in page.url
    playground.ask("And more")
    page.reload()
    page.wait_for_selector("#pg-app:not([hidden])")
    assert page.locator(".msg").count() == 4


def test_a_retired_model_is_said(
    playground: Playground, server: RunningServer, django_db_blocker: DjangoDbBlocker
) -> None:
    page = playground.page
    preset = save(playground, "Old")

    def retire() -> None:
        with django_db_blocker.unblock(), using(server.database_url):
            Preset.objects.filter(public_id=preset).update(model="deepseek-v2")

    aside(retire)
    page.goto(f"{playground.server.url}/playground/?preset={preset}")
    expect(page.locator("#pg-model-error")).to_have_text("Uses deepseek-v2, retired. Choose a model.")
    expect(page.locator("#pg-model-search")).to_be_focused()
    playground.send("Hello")
    assert page.locator(".msg").count() == 0
    page.select_option("#pg-model", "deepseek-math")
    expect(page.locator("#pg-model-error")).to_be_hidden()
    playground.ask("Hello")


def test_the_dialog_gives_the_focus_back(playground: Playground) -> None:
    page = playground.page
    page.focus("#pg-open-presets")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.closest('dialog') !== null")
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('body, dialog *')")
    page.keyboard.press("Escape")
    expect(page.locator("#pg-open-presets")).to_be_focused()
