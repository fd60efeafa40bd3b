"""Every failure in plain words with its fix, and nothing that was typed is lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.playground import Playground, chromium_running, opened
from tests.browser.stopped_clock import stop_the_clock
from tests.running import RunningServer

pytestmark = [pytest.mark.server, pytest.mark.browser]

# status, code, member, extra: what a server may answer, and the words for it.
CASES: list[tuple[int, str | None, dict[str, Any], dict[str, str], str]] = [
    (
        400,
        "invalid_value",
        {"message": "max_tokens must be at most 8,192.", "param": "max_tokens"},
        {},
        "The model did not accept this request: max_tokens must be at most 8,192.",
    ),
    (
        400,
        "context_length_exceeded",
        {
            "message": "This model's maximum context length is 32768 tokens. However, you requested 70200 tokens (",
            "param": "messages",
        },
        {},
        "This conversation and the answer are about 70,200 tokens; the model reads 32,768. Remove earlier messages",
    ),
    (401, "session_ended", {}, {}, "Your session ended. Log in again; your text is kept."),
    (401, "invalid_api_key", {}, {}, "The playground's key does not work in Default."),
    (
        402,
        "insufficient_quota",
        {"limit": {"scope": "organization", "name": "credit", "used": "0.99", "limit": "1.00", "resets_at": None}},
        {},
        "Balance is $0.0100, not enough for this request. Add balance, or lower max output tokens.",
    ),
    (
        402,
        "insufficient_quota",
        {"limit": {"scope": "organization", "name": "credit", "used": "1.00", "limit": "1.00", "resets_at": None}},
        {},
        "Balance is $0.00. Add balance.",
    ),
    (
        402,
        "insufficient_quota",
        {
            "message": "The project Default has used $10.00 of its monthly limit of $10.00",
            "limit": {
                "scope": "project",
                "name": "monthly limit",
                "used": "10.00",
                "limit": "10.00",
                "resets_at": "2026-12-01T00:00:00Z",
            },
        },
        {},
        "Project limit of $10.00 reached, with $10.00 used or set aside. Resets 1 Dec 2026, 00:00 UTC.",
    ),
    (
        402,
        "insufficient_quota",
        {
            "message": "The key Playground has used 900 tokens of its daily limit of 1000 tokens",
            "limit": {"scope": "key", "name": "daily limit", "used": "900", "limit": "1000", "resets_at": None},
        },
        {},
        "Playground key limit of 1000 tokens reached, with 900 tokens used or set aside.",
    ),
    (403, "role_not_allowed", {}, {}, "Your role cannot use the playground in Default."),
    (403, "organization_suspended", {}, {}, "Meterhouse is suspended."),
    (403, "organization_unconfirmed", {}, {}, "Confirm your e-mail address first"),
    (403, "model_not_allowed", {}, {}, "This model may not be used in Default. Choose another model."),
    (404, "model_not_found", {}, {}, "This model is not offered any more. Choose another model."),
    (404, "project_not_found", {}, {}, "The project Default is not here any more."),
    (413, "request_too_large", {}, {}, "This conversation is larger than 4 MiB. Remove earlier messages."),
    (500, "internal_error", {}, {}, "The model failed. You were not charged. Try again."),
    (502, None, {}, {}, "The model failed. You were not charged. Try again."),
    (503, "server_overloaded", {}, {}, "Overloaded. You were not charged. Try again in a moment or use another model."),
    (503, "server_overloaded", {}, {"retry-after": "2"}, "Try again in 2 s or use another model."),
    (503, "gateway_not_running", {}, {}, "The gateway is not running in this server process."),
    (504, None, {}, {}, "The model took too long to answer."),
]


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
    shared.page.evaluate("sessionStorage.clear()")
    shared.open()
    yield shared
    shared.page.unroute_all()


def answer_with(playground: Playground, status: int, body: str, headers: dict[str, str]) -> None:
    def fulfill(route: Route) -> None:
        route.fulfill(status=status, body=body, headers={"x-request-id": "req_test", **headers})

    playground.page.route("**/playground/chat/", fulfill)


@pytest.mark.parametrize(
    ("status", "code", "more", "headers", "words"),
    CASES,
    ids=[f"{number}-{case[0]}-{case[1]}" for number, case in enumerate(CASES)],
)
def test_it_says_what_happened_and_keeps_the_text(
    playground: Playground, status: int, code: str | None, more: dict[str, Any], headers: dict[str, str], words: str
) -> None:
    error = {"message": "No.", "type": "t", "param": None, "code": code, **more}
    answer_with(playground, status, json.dumps({"error": error}), {"content-type": "application/json", **headers})
    playground.send("Do not lose me")
    alert = playground.page.get_by_role("alert")
    expect(alert).to_contain_text(words)
    expect(alert).to_contain_text(str(status))
    expect(alert).to_contain_text("req_test")
    assert playground.page.input_value("#pg-message") == "Do not lose me"
    assert playground.page.locator(".msg").count() == 0
    assert playground.text("#pg-status") == ""
    param = error["param"]
    if param == "max_tokens":
        assert playground.page.get_attribute('[name="max_tokens"]', "aria-invalid") == "true"


def test_too_little_money_leads_to_where_it_is_added(playground: Playground) -> None:
    limit = {"scope": "organization", "name": "credit", "used": "1.00", "limit": "1.00", "resets_at": None}
    error = {"message": "No.", "type": "t", "param": None, "code": "insufficient_quota", "limit": limit}
    answer_with(playground, 402, json.dumps({"error": error}), {"content-type": "application/json"})
    playground.send("Do not lose me")
    alert = playground.page.get_by_role("alert")
    expect(alert.get_by_role("link", name="Add balance")).to_have_attribute("href", "/billing/")
    limit |= {"scope": "project", "name": "monthly limit"}
    playground.page.unroute_all()
    answer_with(playground, 402, json.dumps({"error": error}), {"content-type": "application/json"})
    alert.get_by_role("button", name="Try again").click()
    expect(alert.get_by_role("link", name="Raise limit")).to_have_attribute("href", "/limits/")


def test_few_requests_left_are_said_in_words_and_colour(playground: Playground) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-reset-requests": "12s"}
    for left, words in (("57", "57 of 100 requests left this minute, full again in 12 s"), ("9", "Only 9 of 100")):
        playground.page.unroute_all()
        more = {"content-type": "text/event-stream", "x-ratelimit-remaining-requests": left, **headers}
        answer_with(playground, 200, body, more)
        playground.send("Hello")
        expect(playground.page.locator("#pg-limits")).to_contain_text(words)
        playground.page.keyboard.press("Escape")
        expect(playground.page.locator("#pg-log")).to_have_attribute("aria-busy", "false")
    assert "pg-few" in str(playground.page.get_attribute("#pg-limits", "class"))


def test_a_page_that_is_no_error_object_asks_for_a_reload(playground: Playground) -> None:
    answer_with(playground, 403, "<h1>Forbidden</h1>", {"content-type": "text/html"})
    playground.send("Do not lose me")
    expect(playground.page.get_by_role("alert")).to_contain_text("This page was open too long.")
    expect(playground.page.get_by_role("button", name="Reload the page")).to_be_visible()
    assert playground.page.input_value("#pg-message") == "Do not lose me"


def test_a_rate_limit_counts_down_on_the_button(server: RunningServer, browser: Browser) -> None:
    error = {"message": "Rate limit.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    headers = {"content-type": "application/json", "retry-after": "3"}
    with opened(browser, server) as playground:
        page = playground.page
        stop_the_clock(page)
        answer_with(playground, 429, json.dumps({"error": error}), headers)
        playground.send("Patience")
        expect(page.get_by_role("alert")).to_contain_text("Limit reached. You can send again in 3 s.")
        expect(page.locator("#pg-send")).to_contain_text("Send in 3 s")
        page.clock.run_for(1_000)
        expect(page.locator("#pg-send")).to_contain_text("Send in 2 s")
        assert page.get_attribute("#pg-send", "aria-disabled") == "true"
        assert page.input_value("#pg-message") == "Patience"
        page.unroute_all()
        page.clock.run_for(1_700)
        expect(page.locator("#pg-send")).to_have_attribute("aria-disabled", "true")
        page.clock.run_for(600)
        expect(page.locator("#pg-send")).to_have_attribute("aria-disabled", "false")
        page.clock.resume()
        playground.ask(page.input_value("#pg-message"))
        assert playground.text(".msg-assistant .msgbody") == "Patience"


def test_a_real_log_out_says_so(server: RunningServer, browser: Browser) -> None:
    with opened(browser, server) as playground:
        playground.context.clear_cookies(name="sessionid")
        playground.send("Do not lose me")
        alert = playground.page.get_by_role("alert")
        expect(alert).to_contain_text("Your session ended. Log in again; your text is kept.")
        expect(alert.get_by_role("link", name="Log in")).to_have_attribute("href", "/accounts/login/?next=/playground/")
        assert playground.page.input_value("#pg-message") == "Do not lose me"


def test_offline_says_so(playground: Playground) -> None:
    playground.context.set_offline(True)
    try:
        playground.send("Do not lose me")
        expect(playground.page.get_by_role("alert")).to_contain_text("You are offline.")
        assert playground.page.input_value("#pg-message") == "Do not lose me"
    finally:
        playground.context.set_offline(False)
    playground.page.get_by_role("button", name="Try again").click()
    expect(playground.page.locator(".msg-assistant .msgbody")).to_have_text("Do not lose me")


def test_a_refused_second_try_brings_the_first_answer_back(playground: Playground) -> None:
    playground.ask("Keep this")
    answer_with(playground, 500, "{}", {"content-type": "application/json"})
    playground.page.get_by_role("button", name="Try again").click()
    expect(playground.page.get_by_role("alert")).to_contain_text("The model failed.")
    assert playground.text(".msg-assistant .msgbody") == "Keep this"


def test_a_dropped_connection_keeps_what_came(server_factory: Any, browser: Browser) -> None:
    server = server_factory()
    with opened(browser, server) as playground:
        playground.send("one two three four five six seven eight nine ten " * 500)
        playground.page.wait_for_selector(".readout >> text=about")
        server.kill()
        note = playground.page.locator(".msg-assistant .msgnote")
        expect(note).to_contain_text("The connection dropped after about")
        assert playground.text(".msg-assistant .msgbody").startswith("one two three")


def test_a_stream_that_fails_says_so_and_keeps_what_came(playground: Playground) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Half of it"}, "finish_reason": None}]}
    error = {"error": {"message": "m", "type": "server_error", "param": None, "code": "server_overloaded"}}
    body = f"data: {json.dumps(chunk)}\n\ndata: {json.dumps(error)}\n\n"
    answer_with(playground, 200, body, {"content-type": "text/event-stream"})
    playground.send("Hello")
    expect(playground.page.locator(".msg-assistant .msgnote")).to_contain_text(
        "The model stopped in the middle of its answer."
    )
    assert playground.text(".msg-assistant .msgbody") == "Half of it"


def test_a_long_silence_is_said_and_can_be_stopped(server: RunningServer, browser: Browser) -> None:
    with opened(browser, server) as playground:
        page = playground.page
        stop_the_clock(page)
        page.route("**/playground/chat/", lambda route: None)
        playground.send("Hello")
        silent = page.locator("#pg-silent")
        page.clock.run_for(59_000)
        expect(silent).to_be_hidden()
        page.clock.run_for(2_000)
        expect(silent).to_contain_text("No answer for 60 s.")
        page.keyboard.press("Escape")
        expect(silent).to_be_hidden()
        page.clock.run_for(10_000)
