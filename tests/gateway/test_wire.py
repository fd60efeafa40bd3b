"""The whole line against a provider that misbehaves: what the client sees and what the ledger has."""

import asyncio
import http.client
import json
from collections.abc import Iterator

import httpx
import pytest

from accounts import keys, organizations
from billing import grants
from billing.models import CreditGrant, Hold
from catalog import providers
from catalog.models import Route
from gateway.options import GatewayOptions
from gateway.provider_tries import ProviderNotes
from tests.gateway.fake_provider import USAGE, WORDS, FakeProvider
from tests.gateway.gateway_thread import GatewayThread
from tests.people import House, house
from tests.waiting import LONG, not_over_midnight, until
from usage.models import UsageEvent

pytestmark = pytest.mark.database
TEXT = "".join(WORDS)
# No provider is given up for being slow, unless a test says so.
PATIENT = GatewayOptions(keep_alive=0.3, idle_timeout=LONG, first_byte_timeout=LONG)


class World:
    """A gateway, a provider, and Alice with a key."""

    def __init__(self, line: GatewayThread, provider: FakeProvider, alice: House) -> None:
        self.line = line
        self.provider = provider
        self.alice = alice
        self.key, self.secret = alice.key()
        self.http = httpx.Client(
            base_url=line.url, timeout=2 * LONG, headers={"authorization": f"Bearer {self.secret}"}
        )

    def body(self, how: str, **over: object) -> dict[str, object]:
        message = {"role": "user", "content": how}
        return {"model": "deepseek-chat", "messages": [message], "max_tokens": 50, **over}

    def ask(self, how: str, **over: object) -> httpx.Response:
        return self.http.post("/v1/chat/completions", json=self.body(how, **over))

    def event(self) -> UsageEvent:
        return UsageEvent.objects.latest("id")

    def at_rest(self) -> bool:
        """No hold is active and no credit is held."""
        return until(
            lambda: (
                not Hold.objects.filter(state="active").exists()
                and not sum(CreditGrant.objects.values_list("held", flat=True))
            )
        )

    def give_up_after(self, seconds: float) -> None:
        """How long the gateway waits for the provider."""
        self.line.gateway.upstream._options = GatewayOptions(first_byte_timeout=seconds, idle_timeout=seconds)


@pytest.fixture
def world(own_database: str) -> Iterator[World]:
    # Windows of a day and the credit of a month are counted as one.
    not_over_midnight()
    provider = FakeProvider()
    alice = house(rpm=10_000)
    upstream = providers.connect("fake", provider.base_url, "sk-upstream-secret")
    for name in ("deepseek-chat", "deepseek-coder"):
        providers.serve(upstream, providers.Serves(name, f"up-{name}"))
    with GatewayThread(PATIENT) as line:
        yield World(line, provider, alice)
    provider.close()


def events(answer: httpx.Response) -> list[str]:
    return [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]


def test_a_json_answer_is_on_record_when_the_client_has_it(world):
    answer = world.ask("hello")
    body = answer.json()
    event = world.event()
    assert body["model"] == "deepseek-chat" and body["id"].startswith("chatcmpl-")
    assert body["choices"][0]["message"]["content"] == TEXT
    assert (event.input_tokens, event.output_tokens, event.usage_source) == (12, 10, "upstream")
    assert event.request_id == answer.headers["x-request-id"]
    assert event.charge == 12 * 270 + 10 * 1100
    sent = world.provider.bodies[-1]
    assert sent["model"] == "up-deepseek-chat" and sent["max_tokens"] == 50
    assert world.provider.headers[-1]["Authorization"] == "Bearer sk-upstream-secret"
    assert "secret" not in answer.text


@pytest.mark.parametrize("how", ["hello", "crlf", "split", "unfinished"])
def test_a_stream_arrives_whole_however_it_is_cut(world, how):
    answer = world.ask(how, stream=True, stream_options={"include_usage": True})
    *chunks, done = events(answer)
    parsed = [json.loads(chunk) for chunk in chunks]
    assert done == "[DONE]" and answer.text.endswith("data: [DONE]\n\n")
    text = "".join(choice["delta"].get("content") or "" for chunk in parsed for choice in chunk["choices"])
    assert text == TEXT + (" é🚀" if how == "split" else "")
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in parsed}) == 1
    assert parsed[-1]["usage"]["total_tokens"] == USAGE["total_tokens"] and parsed[-1]["choices"] == []
    assert [c["finish_reason"] for chunk in parsed for c in chunk["choices"]][-1] == "stop"
    assert world.event().output_tokens == 10


def test_done_comes_after_the_commit(world):
    with world.http.stream("POST", "/v1/chat/completions", json=world.body("slow", stream=True)) as answer:
        for line in answer.iter_lines():
            if '"finish_reason":"stop"' in line or line == "data: [DONE]":
                assert UsageEvent.objects.filter(request_id=answer.headers["x-request-id"]).exists()


@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_nobody_reports_is_counted(world, stream):
    assert world.ask("no usage", stream=stream).status_code == 200
    event = world.event()
    assert event.usage_source == "counted" and event.output_tokens == 10 and event.input_tokens > 0


def test_reported_zero_is_respected_and_cached_input_is_cheaper(world):
    world.ask("zero usage")
    assert world.event().charge == 0
    world.ask("cached")
    event = world.event()
    assert (event.input_tokens, event.cached_input_tokens) == (7, 5)
    assert event.charge == 7 * 270 + 5 * 70 + 10 * 1100


def test_more_than_was_held_is_never_the_customers(world):
    world.ask("over")
    event = world.event()
    assert event.overrun > 0
    assert world.at_rest()


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("status:400", 400, "invalid_value"),
        ("status:422", 400, "invalid_value"),
        ("status:401", 500, "internal_error"),
        ("status:403", 500, "internal_error"),
        ("status:404", 500, "internal_error"),
        ("status:429", 503, "server_overloaded"),
        ("status:500", 503, "server_overloaded"),
        ("status:400 named", 400, "invalid_value"),
        ("nonsense", 503, "server_overloaded"),
        ("hang", 503, "server_overloaded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_providers_failure_costs_nothing_and_names_nobody(world, how, status, code, stream):
    if stream and how in ("nonsense", "hang"):
        return
    if how == "hang":
        world.give_up_after(1)
    answer = world.ask(how.replace(" named", "") if "named" not in how else "status:400:named", stream=stream)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert "127.0.0.1" not in answer.text and "fake" not in answer.text
    assert answer.headers.get("retry-after") == ("7" if how == "status:429" else None)
    assert not UsageEvent.objects.exists()
    assert world.at_rest()


@pytest.mark.parametrize("how", ["reset", "error", "no end"])
def test_a_stream_that_breaks_off_is_charged_for_what_came(world, how):
    answer = world.ask(how, stream=True)
    last = json.loads(events(answer)[-1])
    assert last["error"]["code"] == "server_overloaded"
    assert "[DONE]" not in answer.text
    event = world.event()
    assert (event.usage_source, event.finish_reason) == ("partial", "upstream_error")
    assert event.output_tokens == (10 if how == "no end" else 5)
    assert world.at_rest()


def test_an_answer_that_begins_and_breaks_off_is_the_providers_failure(world, monkeypatch):
    seen = []
    note = ProviderNotes.note
    monkeypatch.setattr(ProviderNotes, "note", lambda notes, *news: (seen.append(news[1]), note(notes, *news)))
    for how in ("hello", "reset", "error", "no end"):
        world.ask(how, stream=True)
    # Who leaves says nothing of the provider.
    with world.http.stream("POST", "/v1/chat/completions", json=world.body("stuck", stream=True)) as answer:
        next(answer.iter_raw())
    assert world.provider.stopped.wait(LONG / 2) and world.at_rest()
    for how in ("nonsense", "hello", "status:400", "status:500"):
        world.ask(how)
    assert seen == ["", "broke off", "unusable", "unusable", "unusable", "", "", "500"]


@pytest.mark.parametrize("how", ["stuck", "hang"])
def test_a_client_that_leaves_a_stream_stops_the_provider(world, how):
    with world.http.stream("POST", "/v1/chat/completions", json=world.body(how, stream=True)) as answer:
        # Comments keep the answer coming while the provider is silent.
        came = ""
        for part in answer.iter_text():
            came += part
            if ": keep-alive" in came.rpartition(" five")[2] and (" five" in came or how == "hang"):
                break
    # Long before it would be given up.
    assert world.provider.stopped.wait(LONG / 2)
    assert world.at_rest()
    if how == "stuck":
        event = world.event()
        assert (event.finish_reason, event.output_tokens) == ("client_closed", 5)


def test_a_client_that_leaves_a_json_request_stops_the_provider(world):
    client = http.client.HTTPConnection(*world.line.address)
    client.request("POST", "/v1/chat/completions", json.dumps(world.body("hang")), dict(world.http.headers))
    assert until(lambda: world.provider.calls)
    client.close()
    assert world.provider.stopped.wait(LONG / 2)
    assert world.at_rest() and not UsageEvent.objects.exists()


def test_comments_keep_a_waiting_stream_alive(world):
    answer = world.ask("late", stream=True)
    assert answer.text.count(": keep-alive\n\n") >= 2
    assert events(answer)[-1] == "[DONE]"


def test_the_next_provider_is_tried_under_the_same_hold(world):
    dead = providers.connect("dead", "http://127.0.0.1:9/v1")
    providers.serve(dead, providers.Serves("deepseek-chat", "x"))
    Route.objects.filter(provider=dead).update(position=1)
    assert world.ask("hello").status_code == 200
    assert Hold.objects.count() == 1


def test_every_change_of_a_key_is_true_for_the_very_next_request(world):
    assert world.ask("hello").status_code == 200
    old = world.secret
    fresh = keys.regenerate(world.key, world.alice.actor).secret
    assert world.ask("hello").status_code == 401
    world.http.headers["authorization"] = f"Bearer {fresh}"
    assert world.ask("hello").status_code == 200
    organizations.suspend(world.alice.organization, "unpaid", world.alice.actor)
    assert world.ask("hello").json()["error"]["code"] == "organization_suspended"
    organizations.restore(world.alice.organization)
    assert world.ask("hello").status_code == 200
    keys.disable(world.key, world.alice.actor)
    answer = world.ask("hello")
    assert answer.status_code == 401 and "disabled" in answer.json()["error"]["message"]
    keys.enable(world.key, world.alice.actor)
    assert world.ask("hello").status_code == 200
    keys.revoke(world.key, world.alice.actor)
    assert world.ask("hello").status_code == 401
    assert world.ask("hello", temperature=9).status_code == 401
    assert world.http.get("/v1/models").status_code == 401
    assert old not in world.ask("hello").text


@pytest.mark.parametrize("stream", [False, True])
def test_two_hundred_at_once_never_overshoot(world, stream):
    grants.ensure_monthly(world.alice.organization.pk)
    world.ask("hello", max_tokens=10)
    held = Hold.objects.latest("id").amount
    CreditGrant.objects.update(amount=10 * held + sum(CreditGrant.objects.values_list("burned", flat=True)))
    before = world.provider.calls

    async def go() -> list[int]:
        headers = {"authorization": f"Bearer {world.secret}"}
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=world.line.url, headers=headers, timeout=2 * LONG, limits=limits) as http:
            body = world.body("slow" if stream else "hello", max_tokens=10, stream=stream)
            sent = [http.post("/v1/chat/completions", json=body) for _ in range(200)]
            return [answer.status_code for answer in await asyncio.gather(*sent)]

    statuses = asyncio.run(go())
    assert set(statuses) <= {200, 402}
    assert 1 <= statuses.count(200) == world.provider.calls - before
    assert world.at_rest()
    grant = CreditGrant.objects.get()
    assert grant.burned <= grant.amount


def test_a_rate_limit_refuses_before_the_body_is_looked_at(world):
    slow, secret = world.alice.key("slow", requests_per_minute=2)
    world.http.headers["authorization"] = f"Bearer {secret}"
    assert [world.ask("hello").status_code for _ in range(3)] == [200, 200, 429]
    answer = world.ask("hello", temperature=9)
    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-limit-requests"] == "2"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    keys.revoke(slow)
    assert world.ask("hello").status_code == 401


def test_restrictions_are_kept(world):
    for name, restrictions, code in (
        ("net", {"allowed_networks": ("10.0.0.0/8",)}, "ip_not_allowed"),
        ("scope", {"scopes": ("usage",)}, "insufficient_permissions"),
        ("model", {"allowed_models": ("deepseek-coder",)}, "model_not_allowed"),
    ):
        _, secret = world.alice.key(name, **restrictions)
        world.http.headers["authorization"] = f"Bearer {secret}"
        answer = world.ask("hello")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
        assert answer.headers["x-ratelimit-limit-requests"] == "10000"
    assert world.provider.calls == 0


def test_deep_nesting_is_never_our_fault(world):
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    assert world.ask("hello", unknown=deep).status_code == 200
    assert world.at_rest()


def test_the_balance_is_told(world):
    info = world.http.get("/user/balance").json()["balance_infos"][0]
    assert info["total_balance"] == "20.00"
