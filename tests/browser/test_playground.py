"""One conversation in the playground, as a person has it."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.plugin import DjangoDbBlocker

from foundation.money import usd_string
from tests.browser.playground import Playground, chromium_running, opened
from tests.dashboard.console import events
from tests.running import RunningServer
from usage.models import UsageEvent

pytestmark = [pytest.mark.server, pytest.mark.browser]
# Tens of tokens: an answer that takes twenty seconds, so that what is done meanwhile is done in time.
WHOLE = 500
LONG = "one two three four five six seven eight nine ten " * WHOLE

EventOf = Callable[[str], UsageEvent]


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
    """A fresh conversation with default settings."""
    shared.page.evaluate("sessionStorage.clear()")
    shared.open()
    shared.errors.clear()
    shared.failed.clear()
    return shared


@pytest.fixture
def event_of(server: RunningServer, django_db_blocker: DjangoDbBlocker) -> EventOf:
    def find(request_id: str) -> UsageEvent:
        [event] = events(server, django_db_blocker, request_id=request_id)
        return event

    return find


def test_it_streams_and_shows_the_ledgers_cost(playground: Playground, event_of: EventOf) -> None:
    playground.ask("Hello **world**")
    assert playground.text(".msg-assistant .msgbody strong") == "world"
    shown = playground.figures()
    event = event_of(shown["request_id"])
    assert shown["exact"] == f"${usd_string(event.charge)}"
    assert shown["cost"] != "$0.00"
    assert f"In {event.input_tokens}" in shown["text"]
    assert f"Out {event.output_tokens}" in shown["text"]
    assert "First token" in shown["text"]
    assert "tok/s" in shown["text"]
    assert playground.text("#pg-session") == f"This session: 1 request, {shown['cost']}"
    assert re.search(r"\d+ of 100 requests left this minute", playground.text("#pg-limits"))
    assert playground.errors == []
    assert playground.foreign == []
    assert playground.failed == []


def test_the_answer_is_painted_while_it_is_written(playground: Playground) -> None:
    playground.send(LONG)
    playground.page.wait_for_selector(".readout >> text=about")
    first = len(playground.text(".msg-assistant .msgbody"))
    longer = "(than) => document.querySelector('.msg-assistant .msgbody').innerText.length > than"
    playground.page.wait_for_function(longer, arg=first)
    assert 0 < first < len(playground.text(".msg-assistant .msgbody")) < len(LONG)
    assert playground.page.get_attribute("#pg-log", "aria-busy") == "true"
    playground.page.keyboard.press("Escape")
    expect(playground.page.locator("#pg-log")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize("way", ["escape", "button"])
def test_stopping_charges_only_what_was_produced(playground: Playground, event_of: EventOf, way: str) -> None:
    playground.send(LONG)
    playground.page.wait_for_selector(".readout >> text=about")
    time.sleep(0.3)
    if way == "escape":
        playground.page.keyboard.press("Escape")
    else:
        playground.page.click("#pg-send")
    stopped = time.time()
    expect(playground.page.locator("#pg-log")).to_have_attribute("aria-busy", "false")
    shown = playground.figures()
    event = event_of(shown["request_id"])
    assert playground.text(".msgnote") == f"Stopped. {event.output_tokens} output tokens charged."
    assert shown["exact"] == f"${usd_string(event.charge)}"
    assert event.finish_reason == "client_closed"
    assert 0 < event.output_tokens < 10 * WHOLE
    # What was not stopped would take twice as long.
    assert event.occurred_at.timestamp() + event.duration_ms / 1000 - stopped < 10


def test_an_answer_without_streaming_has_its_cost_as_well(playground: Playground, event_of: EventOf) -> None:
    playground.page.uncheck('[name="stream"]')
    playground.ask("Hello")
    shown = playground.figures()
    event = event_of(shown["request_id"])
    assert not event.stream
    assert shown["exact"] == f"${usd_string(event.charge)}"


def test_enter_sends_and_shift_enter_makes_a_line(playground: Playground) -> None:
    page = playground.page
    page.fill("#pg-message", "one")
    page.press("#pg-message", "Shift+Enter")
    page.keyboard.type("two")
    assert page.input_value("#pg-message") == "one\ntwo"
    page.press("#pg-message", "Enter")
    expect(page.locator(".msg-user .msgbody")).to_have_text("one\ntwo")
    assert page.evaluate("document.activeElement.id") == "pg-message"


def test_the_announcements_are_few(playground: Playground) -> None:
    page = playground.page
    page.evaluate(
        """() => {
          window.said = [];
          new MutationObserver(() => window.said.push(document.getElementById("pg-status").textContent))
            .observe(document.getElementById("pg-status"), {childList: true, characterData: true, subtree: true});
        }"""
    )
    playground.ask("Hello")
    said = [words for words in page.evaluate("window.said") if words]
    assert said[0] == "Answer started"
    assert re.fullmatch(r"Answer finished, \d+ tokens?, \d+\.\d seconds", said[-1])
    assert len(said) <= 3
    assert page.get_attribute("#pg-log", "aria-live") == "off"


def test_the_thread_and_the_draft_live_in_this_tab_alone(playground: Playground) -> None:
    page = playground.page
    playground.ask("Remember me")
    page.fill("#pg-message", "half a thought")
    page.reload()
    page.wait_for_selector("#pg-app:not([hidden])")
    assert playground.text(".msg-assistant .msgbody") == "Remember me"
    assert page.input_value("#pg-message") == "half a thought"
    assert playground.text("#pg-session").startswith("This session: 1 request")
    assert page.evaluate("localStorage.length") == 0
    other = playground.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#pg-app:not([hidden])")
    assert other.locator(".msg").count() == 0
    other.close()


def test_messages_can_be_edited_deleted_and_asked_again(playground: Playground) -> None:
    page = playground.page
    playground.ask("First")
    page.locator(".msg-user").get_by_role("button", name="Edit You").click()
    page.locator(".msgedit textarea").fill("Second")
    page.get_by_role("button", name="Save and run from here").click()
    expect(page.locator(".msg-assistant .msgbody")).to_have_text("Second")
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")
    before = playground.figures()["request_id"]
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".msg-assistant .reqid code")).not_to_have_text(before)
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")
    assert page.locator(".msg").count() == 2
    page.locator(".msg-assistant").get_by_role("button", name="Delete").click()
    assert page.locator(".msg").count() == 1
    assert playground.text("#pg-session").startswith("This session: 3 requests")


def test_parameters_are_sent_and_can_be_reset(playground: Playground) -> None:
    page = playground.page
    page.fill('[name="max_tokens"]', "3")
    page.press('[name="max_tokens"]', "Tab")
    page.fill('[name="stop"]', "END")
    page.press('[name="stop"]', "Enter")
    page.fill('[name="seed"]', "7")
    page.press('[name="seed"]', "Tab")
    with page.expect_request("**/playground/chat/") as sent:
        playground.ask("one two three four five six")
    body = sent.value.post_data_json
    assert body["max_tokens"] == 3
    assert body["stop"] == ["END"]
    assert body["seed"] == 7
    assert body["stream"] is True
    assert "temperature" not in body
    assert "length" in playground.figures()["text"]
    assert "Cut at max output tokens" in playground.text(".msgnote")
    page.get_by_role("button", name="Reset all").click()
    assert page.input_value('[name="max_tokens"]') == ""
    assert page.locator("[data-stops] li").count() == 0
    assert page.input_value('[name="temperature"]') == "1.0"


def test_a_wrong_value_is_said_at_its_field_and_not_sent(playground: Playground) -> None:
    page = playground.page
    page.fill('[name="temperature"]', "3")
    page.press('[name="temperature"]', "Tab")
    expect(page.locator("#pg-temperature-error")).to_have_text("Temperature is a number from 0 to 2.")
    assert page.get_attribute('[name="temperature"]', "aria-invalid") == "true"
    playground.send("Hello")
    assert page.evaluate("document.activeElement.name") == "temperature"
    assert page.input_value("#pg-message") == "Hello"
    assert page.locator(".msg").count() == 0
    page.fill('[name="temperature"]', "0.5")
    playground.ask("Hello")
    assert playground.errors == []


def test_at_most_four_stop_sequences(playground: Playground) -> None:
    page = playground.page
    for text in ("a", "b", "c", "d", "e"):
        page.fill('[name="stop"]', text)
        page.press('[name="stop"]', "Enter")
    assert page.locator("[data-stops] li").count() == 4
    expect(page.locator("#pg-stop-error")).to_have_text("At most 4 stop sequences. Remove one first.")


def test_it_works_by_keyboard_alone(playground: Playground) -> None:
    page = playground.page
    page.focus("#pg-show-code")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.closest('dialog') !== null")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('body, dialog *')")
    page.keyboard.press("Escape")
    expect(page.locator("#pg-show-code")).to_be_focused()


def test_run_from_here_drops_what_came_after(playground: Playground) -> None:
    page = playground.page
    playground.ask("First")
    playground.ask("Second")
    assert page.locator(".msg").count() == 4
    with page.expect_request("**/playground/chat/"):
        page.locator(".msg-user").first.get_by_role("button", name="Run from here").click()
    expect(page.locator(".msg")).to_have_count(2)
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")
    assert playground.text(".msg-assistant .msgbody") == "First"


def test_a_role_can_be_switched(playground: Playground) -> None:
    page = playground.page
    playground.ask("I said this")
    page.locator(".msg-assistant").get_by_role("button", name="Edit").click()
    page.select_option(".msgedit select", "user")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".msg-user")).to_have_count(2)
    with page.expect_request("**/playground/chat/") as sent:
        page.locator(".msg-user").last.get_by_role("button", name="Run from here").click()
    assert [message["role"] for message in sent.value.post_data_json["messages"]] == ["user", "user"]
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")


def test_a_cut_answer_can_be_continued(playground: Playground) -> None:
    page = playground.page
    page.fill('[name="max_tokens"]', "2")
    page.press('[name="max_tokens"]', "Tab")
    playground.ask("one two three four five six")
    with page.expect_request("**/playground/chat/") as sent:
        page.get_by_role("button", name="Continue").click()
    assert sent.value.post_data_json["messages"][-1]["content"] == "Continue exactly where you stopped."
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")


def test_copying_as_text_leaves_the_marks_out(playground: Playground) -> None:
    page = playground.page
    playground.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = "A **bold** word\n\n```python\nx = 1\n```"
    playground.ask(text)
    answer = page.locator(".msg-assistant .msgacts")
    answer.get_by_role("button", name="Copy Markdown").click()
    page.wait_for_function("text => navigator.clipboard.readText().then((found) => found === text)", arg=text)
    answer.locator('[data-act="copy-text"]').click()
    page.wait_for_function("() => navigator.clipboard.readText().then((found) => found.startsWith('A bold word'))")
    assert "Copy" not in page.evaluate("navigator.clipboard.readText()")
    assert page.locator(".msg-assistant .msgbody").count() == 1


def test_the_other_parameters_are_sent_as_well(playground: Playground) -> None:
    page = playground.page
    for name, value in (("frequency_penalty", "-0.5"), ("presence_penalty", "1.5")):
        page.fill(f'[name="{name}"]', value)
        page.press(f'[name="{name}"]', "Tab")
    page.check('[name="json"]')
    with page.expect_request("**/playground/chat/") as sent:
        playground.ask("Hello")
    body = sent.value.post_data_json
    assert (body["frequency_penalty"], body["presence_penalty"]) == (-0.5, 1.5)
    assert body["response_format"] == {"type": "json_object"}
    assert "reasoning_effort" not in body


def test_what_a_model_ignores_is_absent_and_said(playground: Playground) -> None:
    page = playground.page
    page.fill('[name="temperature"]', "0.5")
    page.press('[name="temperature"]', "Tab")
    page.evaluate(
        """() => {
          const option = document.querySelector('#pg-model option[value="deepseek-math"]');
          option.dataset.ignores = "temperature top_p";
          option.dataset.effort = "yes";
        }"""
    )
    page.select_option("#pg-model", "deepseek-math")
    expect(page.locator("[data-ignored]")).to_have_text("deepseek-math ignores temperature, top p.")
    expect(page.locator('[name="temperature"]')).to_be_hidden()
    page.select_option('[name="effort"]', "low")
    with page.expect_request("**/playground/chat/") as sent:
        playground.ask("Hello")
    assert "temperature" not in sent.value.post_data_json
    assert sent.value.post_data_json["reasoning_effort"] == "low"
    page.select_option("#pg-model", "deepseek-chat")
    expect(page.locator('[name="temperature"]')).to_be_visible()


def test_the_next_request_is_estimated_under_the_composer(playground: Playground) -> None:
    page = playground.page
    page.fill("#pg-message", "How much is this?")
    estimate = page.locator("#pg-estimate")
    expect(estimate).to_have_text(re.compile(r"about \d+ tokens, at most \$0\.\d+"))
    before = estimate.inner_text()
    page.fill('[name="max_tokens"]', "5")
    page.press('[name="max_tokens"]', "Tab")
    expect(estimate).not_to_have_text(before)
    page.fill("#pg-message", "")
    expect(estimate).to_have_text("")


def test_the_request_id_leads_to_the_request(playground: Playground) -> None:
    page = playground.page
    playground.ask("Hello")
    shown = playground.figures()["request_id"]
    link = page.locator(".reqid a")
    assert link.get_attribute("href") == f"/usage/requests/{shown}/"
    assert page.request.get(playground.server.url + str(link.get_attribute("href"))).ok


def test_ctrl_enter_can_send_instead(playground: Playground) -> None:
    page = playground.page
    page.check("#pg-ctrl-enter")
    page.fill("#pg-message", "one")
    page.press("#pg-message", "Enter")
    page.keyboard.type("two")
    assert page.input_value("#pg-message") == "one\ntwo"
    page.press("#pg-message", "Control+Enter")
    expect(page.locator(".msg-user .msgbody")).to_have_text("one\ntwo")
    expect(page.locator("#pg-log")).to_have_attribute("aria-busy", "false")
