"""The same messages to two models: each with its own end, its own cost and its own failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect
from pytest_django.plugin import DjangoDbBlocker

from foundation.money import usd_string
from tests.browser.playground import Playground, chromium_running, opened
from tests.dashboard.console import events
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]
LONG = "one two three four five six seven eight nine ten " * 500


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with chromium_running(chromium) as running:
        yield running


@pytest.fixture(scope="module")
def shared(server: RunningServer, browser: Browser) -> Iterator[Playground]:
    with opened(browser, server) as page:
        yield page


@pytest.fixture
def playground(shared: Playground) -> Iterator[Playground]:
    """Two empty columns."""
    shared.page.evaluate("sessionStorage.clear()")
    shared.open()
    shared.errors.clear()
    shared.page.click("#pg-compare")
    yield shared
    shared.page.unroute_all()


def settle(playground: Playground) -> None:
    for log in ("#pg-log", "#pg-log-b"):
        expect(playground.page.locator(log)).to_have_attribute("aria-busy", "false")


def ask(playground: Playground, text: str) -> None:
    playground.send(text)
    for log in ("#pg-log", "#pg-log-b"):
        expect(playground.page.locator(f"{log} .msg-assistant .readout span[title]").last).to_be_visible()
    settle(playground)


def fail_for(playground: Playground, model: str, status: int = 500) -> None:
    """The server refuses this model and answers for every other."""

    def answer(route: Route) -> None:
        if (route.request.post_data_json or {}).get("model") == model:
            error = {"error": {"message": "No.", "type": "t", "param": None, "code": None}}
            route.fulfill(status=status, body=json.dumps(error), headers={"content-type": "application/json"})
        else:
            route.fallback()

    playground.page.route("**/playground/chat/", answer)


def test_it_says_that_two_requests_are_charged(playground: Playground) -> None:
    page = playground.page
    expect(page.get_by_text("Sends two requests, charged separately.")).to_be_visible()
    assert page.input_value("#pg-model") != page.input_value("#pg-model-b")
    page.click("#pg-compare")
    expect(page.get_by_text("Sends two requests, charged separately.")).to_be_hidden()
    expect(page.locator("#pg-column-b")).to_be_hidden()


def test_both_answer_and_each_shows_the_ledgers_cost(
    playground: Playground, server: RunningServer, django_db_blocker: DjangoDbBlocker
) -> None:
    page = playground.page
    ask(playground, "Hello both")
    for log, select in (("#pg-log", "#pg-model"), ("#pg-log-b", "#pg-model-b")):
        assert page.locator(f"{log} .msg-user .msgbody").inner_text() == "Hello both"
        readout = page.locator(f"{log} .msg-assistant .readout")
        [event] = events(server, django_db_blocker, request_id=readout.locator(".reqid code").inner_text())
        assert event.model == page.input_value(select)
        assert readout.locator("span[title]").get_attribute("title") == f"${usd_string(event.charge)}"
    assert playground.text("#pg-session").startswith("This session: 2 requests")
    assert playground.errors == []


def test_the_winner_is_named_in_words(playground: Playground) -> None:
    page = playground.page
    page.select_option("#pg-model", "deepseek-chat")
    page.select_option("#pg-model-b", "deepseek-coder")
    ask(playground, "Which is cheaper?")
    cost = page.locator("#pg-log-b .readout span[title]")
    expect(cost.locator(".pg-mark")).to_have_text("cheaper")
    expect(page.locator("#pg-log .readout span[title] .pg-mark")).to_have_count(0)
    assert page.locator(".pg-mark", has_text="faster").count() >= 1
    assert page.locator(".readout").count() == 2


def test_one_failing_does_not_stop_the_other(playground: Playground) -> None:
    page = playground.page
    fail_for(playground, page.input_value("#pg-model-b"))
    playground.send("Only one of you")
    expect(page.locator("#pg-error-b")).to_contain_text("The model failed. You were not charged.")
    expect(page.locator("#pg-log .msg-assistant .readout span[title]")).to_be_visible()
    settle(playground)
    expect(page.locator("#pg-error")).to_be_hidden()
    assert page.input_value("#pg-message") == ""
    assert page.locator("#pg-log-b .msg-user .msgbody").inner_text() == "Only one of you"
    page.unroute_all()
    page.locator("#pg-error-b").get_by_role("button", name="Try again").click()
    expect(page.locator("#pg-log-b .msg-assistant .msgbody")).to_have_text("Only one of you")
    expect(page.locator("#pg-error-b")).to_be_hidden()
    assert page.locator("#pg-log .msg-assistant").count() == 1


def test_when_both_are_refused_the_draft_is_kept(playground: Playground) -> None:
    page = playground.page
    for model in (page.input_value("#pg-model"), page.input_value("#pg-model-b")):
        fail_for(playground, model)
    playground.send("Do not lose me")
    expect(page.locator("#pg-error")).to_be_visible()
    expect(page.locator("#pg-error-b")).to_be_visible()
    expect(page.locator("#pg-message")).to_have_value("Do not lose me")
    expect(page.locator(".msg")).to_have_count(0)


def test_each_column_has_its_own_stop_and_escape_stops_both(playground: Playground) -> None:
    page = playground.page
    playground.send(LONG)
    for log in ("#pg-log", "#pg-log-b"):
        page.wait_for_selector(f"{log} .readout >> text=about")
    page.click("#pg-stop-one-b")
    expect(page.locator("#pg-log-b .msg-assistant .msgnote")).to_contain_text("Stopped.")
    assert page.get_attribute("#pg-log", "aria-busy") == "true"
    page.keyboard.press("Escape")
    expect(page.locator("#pg-log .msg-assistant .msgnote")).to_contain_text("Stopped.")
    settle(playground)
    expect(page.locator(".pg-mark")).to_have_count(0)


def test_a_column_can_have_its_own_settings(playground: Playground) -> None:
    page = playground.page
    page.fill('[name="max_tokens"]', "50")
    page.press('[name="max_tokens"]', "Tab")
    page.locator('[data-own="b"]').click()
    page.fill('[name="max_tokens"]', "3")
    page.press('[name="max_tokens"]', "Tab")
    bodies: list[dict[str, Any]] = []

    def note(route: Route) -> None:
        bodies.append(route.request.post_data_json or {})
        route.fallback()

    page.route("**/playground/chat/", note)
    ask(playground, "one two three four five six seven")
    assert {body["model"]: body["max_tokens"] for body in bodies} == {
        page.input_value("#pg-model"): 50,
        page.input_value("#pg-model-b"): 3,
    }
    page.locator('[data-side="a"]').click()
    assert page.input_value('[name="max_tokens"]') == "50"
    page.get_by_role("button", name="Use these for both").click()
    expect(page.locator("[data-sides]")).to_be_hidden()


def test_one_column_can_be_continued_alone(playground: Playground) -> None:
    page = playground.page
    ask(playground, "Hello")
    model = page.input_value("#pg-model-b")
    page.locator('[data-continue="b"]').click()
    expect(page.locator("#pg-column-b")).to_be_hidden()
    assert page.input_value("#pg-model") == model
    assert page.locator("#pg-log .msg").count() == 2
    playground.ask("And now alone")
    assert page.locator("#pg-log .msg").count() == 4
    assert playground.text("#pg-session").startswith("This session: 3 requests")


def test_both_conversations_survive_a_reload(playground: Playground) -> None:
    page = playground.page
    ask(playground, "Remember both")
    page.reload()
    page.wait_for_selector("#pg-app:not([hidden])")
    for log in ("#pg-log", "#pg-log-b"):
        assert page.locator(f"{log} .msg-assistant .msgbody").inner_text() == "Remember both"


def test_on_a_phone_the_columns_are_tabs(server: RunningServer, browser: Browser) -> None:
    with opened(browser, server, viewport={"width": 390, "height": 844}) as playground:
        page = playground.page
        page.click("#pg-compare")
        first, second = page.locator("#pg-tab-a"), page.locator("#pg-tab-b")
        expect(first).to_have_text(f"A: {page.input_value('#pg-model')}")
        expect(page.locator("#pg-column-b")).to_be_hidden()
        fail_for(playground, page.input_value("#pg-model"))
        playground.send("Hello")
        expect(page.locator("#pg-log-b .msg-assistant .readout span[title]")).to_be_attached()
        settle(playground)
        expect(first).to_have_text(f"A: {page.input_value('#pg-model')} · failed")
        first.focus()
        page.keyboard.press("ArrowRight")
        expect(second).to_be_focused()
        expect(page.locator("#pg-column-b")).to_be_visible()
        expect(page.locator("#pg-column")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
