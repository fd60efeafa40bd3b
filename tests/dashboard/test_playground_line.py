"""The playground enters the gateway's line: it streams, it stops, and what it shows is what the ledger has."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from foundation.money import usd_string
from tests.dashboard.console import Person, events, new_turn, operator, project_of
from tests.running import RunningServer
from usage.models import UsageEvent

pytestmark = pytest.mark.server
LONG = "one two three four five six seven eight nine ten " * 200

Events = Callable[..., list[UsageEvent]]


@pytest.fixture(scope="module")
def alice(server: RunningServer) -> Person:
    return operator(server)


@pytest.fixture(scope="module")
def project(server: RunningServer, django_db_blocker: DjangoDbBlocker) -> str:
    return project_of(server, django_db_blocker)


@pytest.fixture
def found(server: RunningServer, django_db_blocker: DjangoDbBlocker) -> Events:
    return lambda **wanted: events(server, django_db_blocker, **wanted)


def parsed(response: httpx.Response) -> list[Any]:
    """The events of a stream; DONE as the string."""
    texts = [part for part in response.read().decode().split("\n\n") if part.startswith("data: ")]
    return [text[6:] if text == "data: [DONE]" else json.loads(text[6:]) for text in texts]


def error_of(response: httpx.Response) -> tuple[int, str]:
    response.read()
    return response.status_code, response.json()["error"]["code"]


def test_it_streams_and_ends_with_what_the_ledger_has(alice: Person, project: str, found: Events) -> None:
    with alice.ask(project, stream=True) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
        parts = parsed(response)
    request_id = response.headers["x-request-id"]
    [event] = found(request_id=request_id)
    [figures] = [part["meterhouse"] for part in parts if "meterhouse" in part]
    assert parts[-1] == "[DONE]"
    assert figures["charge_usd"] == usd_string(event.charge)
    assert figures["charge_usd"] != "0.00"
    assert (figures["input"], figures["cached"], figures["output"]) == (
        event.input_tokens,
        event.cached_input_tokens,
        event.output_tokens,
    )


def test_it_is_booked_on_the_playground_key_and_the_person(alice: Person, project: str, found: Events) -> None:
    with alice.ask(project, stream=True) as response:
        response.read()
    [event] = found(request_id=response.headers["x-request-id"])
    assert event.api_key.is_playground
    assert event.api_key.name == "Playground"
    assert event.secret_id is None
    assert event.user is not None
    assert event.user.is_superuser


def test_pieces_arrive_while_the_answer_is_written(alice: Person, project: str) -> None:
    began = time.monotonic()
    arrivals = []
    with alice.ask(project, stream=True, messages=[{"role": "user", "content": LONG}], max_tokens=150) as response:
        arrivals.extend(time.monotonic() - began for _ in response.iter_raw())
    assert len(arrivals) > 20
    assert arrivals[0] < arrivals[-1] / 2


def test_leaving_stops_the_provider_and_bills_only_what_was_produced(
    alice: Person, project: str, found: Events
) -> None:
    turn = new_turn()
    seen = 0
    with alice.ask(project, turn, stream=True, messages=[{"role": "user", "content": LONG}]) as response:
        for part in response.iter_raw():
            seen += part.count(b'"content"')
            if seen > 100:
                break
    left = time.time()
    receipt = _settled(alice, turn)
    [event] = found(request_id=response.headers["x-request-id"])
    ended = event.occurred_at.timestamp() + event.duration_ms / 1000
    assert ended - left < 1.0
    assert event.finish_reason == "client_closed"
    # About 4 ms a token: a second is 250 tokens at most; the whole answer would be 2,000.
    assert seen - 5 <= event.output_tokens < seen + 400
    assert receipt["charge"] == usd_string(event.charge)
    assert receipt["output"] == event.output_tokens


def _settled(alice: Person, turn: str) -> dict[str, Any]:
    for _ in range(50):
        receipt = alice.receipt(turn)
        if receipt["state"] in ("settled", "released"):
            return receipt
        time.sleep(0.1)
    raise AssertionError("the request was not settled")


def test_leaving_before_the_first_byte_leads_to_a_receipt_as_well(alice: Person, project: str) -> None:
    turn = new_turn()
    with pytest.raises(httpx.ReadTimeout):
        alice.http.post(
            "/playground/chat/",
            json={"model": "deepseek-chat", "messages": [{"role": "user", "content": LONG}]},
            headers=alice.headers(project, turn),
            timeout=0.5,
        )
    receipt = _settled(alice, turn)
    assert receipt["state"] == "released" or receipt["output"] < 600


def test_a_whole_answer_has_its_receipt_at_once(alice: Person, project: str, found: Events) -> None:
    turn = new_turn()
    with alice.ask(project, turn) as response:
        body = json.loads(response.read())
    [event] = found(request_id=response.headers["x-request-id"])
    assert body["usage"]["completion_tokens"] == event.output_tokens
    receipt = alice.receipt(turn)
    assert receipt["state"] == "settled"
    assert receipt["charge"] == usd_string(event.charge)
    assert receipt["request_id"] == event.request_id


def test_nobody_else_gets_the_receipt(alice: Person, project: str, server: RunningServer) -> None:
    turn = new_turn()
    with alice.ask(project, turn) as response:
        response.read()
    stranger = httpx.Client(base_url=server.url)
    assert stranger.get(f"/playground/receipts/{turn}/").status_code == 401


def test_the_rate_limit_stands_in_the_headers(alice: Person, project: str) -> None:
    with alice.ask(project) as response:
        response.read()
    assert int(response.headers["x-ratelimit-limit-requests"]) == 100
    assert 0 <= int(response.headers["x-ratelimit-remaining-requests"]) < 100
    assert response.headers["x-ratelimit-reset-requests"]
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["cache-control"] == "no-store"


def test_what_the_gateway_refuses_comes_with_its_status(alice: Person, project: str) -> None:
    with alice.ask(project, model="no-such-model", stream=True) as response:
        assert error_of(response) == (404, "model_not_found")
    with alice.ask(project, temperature=3) as response:
        assert error_of(response) == (400, "invalid_value")
    with alice.ask(project, max_tokens=40_000) as response:
        assert error_of(response) == (400, "context_length_exceeded")
    with alice.ask(project, padding="x" * (4 * 1024 * 1024)) as response:
        assert error_of(response) == (413, "request_too_large")


def test_a_key_does_not_open_the_playground(server: RunningServer, project: str) -> None:
    response = httpx.post(
        f"{server.url}/playground/chat/",
        json={},
        headers={"authorization": f"Bearer {server.first_start['API key']}", "x-playground-project": project},
    )
    assert response.status_code in (401, 403)
