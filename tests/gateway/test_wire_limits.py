"""Limits as a client meets them: 402 that names the limit, the cut output, and what is written down of a refusal."""

import asyncio

import httpx
import pytest

from billing import limits
from billing.limits import Terms
from billing.models import RefusalCount, RefusedRequest, SpendingWindow
from tests.gateway.test_wire import World, world  # noqa: F401
from tests.waiting import LONG, until

pytestmark = pytest.mark.database


def all_at_once(world: World, number: int, how: str, **over: object) -> list[httpx.Response]:  # noqa: F811
    async def run() -> list[httpx.Response]:
        pool = httpx.Limits(max_connections=number)
        async with httpx.AsyncClient(
            base_url=world.line.url, headers=world.http.headers, limits=pool, timeout=2 * LONG
        ) as http:
            ask = {"url": "/v1/chat/completions", "json": world.body(how, **over)}
            return await asyncio.gather(*[http.post(**ask) for _ in range(number)])

    return asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "terms",
    [Terms("requests", 10, "day"), Terms("usd", 10 * (12 * 270 + 50 * 1100), "lifetime"), Terms("tokens", 700, "week")],
)
def test_two_hundred_at_once_on_a_limit_never_overshoot(world, stream, terms):  # noqa: F811
    limits.set_limit(world.alice.project, terms)
    answers = all_at_once(world, 200, "hello", stream=stream)
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 402}
    assert world.at_rest()
    window = SpendingWindow.objects.get()
    assert window.held == 0
    assert 0 < window.settled <= terms.amount
    if terms.measure == "requests":
        assert codes.count(200) == 10 == window.settled
    # Afterwards single requests are answered until what is left is less than one needs.
    for _ in range(200):
        answer = world.ask("hello")
        if answer.status_code == 402:
            break
        assert answer.status_code == 200
    assert answer.status_code == 402
    assert SpendingWindow.objects.get().settled <= terms.amount
    assert sum(row.count for row in RefusalCount.objects.all()) == codes.count(402) + 1


def test_a_402_names_the_limit(world):  # noqa: F811
    limits.set_limit(world.key, Terms("requests", 0, "month"))
    answer = world.ask("hello")
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert error["code"] == error["type"] == "insufficient_quota"
    assert error["limit"]["scope"] == "key"
    assert error["limit"]["name"] == "monthly request limit"
    assert (error["limit"]["used"], error["limit"]["limit"]) == ("0", "0")
    assert error["limit"]["resets_at"].endswith("Z")
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers
    assert "requests a minute" not in error["message"]


def test_what_is_refused_is_written_down_for_its_key(world):  # noqa: F811
    limits.set_limit(world.key, Terms("requests", 0, "month"))
    asked = [
        world.ask("hello"),
        world.ask("hello", model="no-such-model"),
        world.http.post("/v1/chat/completions", content=b"{"),
    ]
    assert [answer.status_code for answer in asked] == [402, 404, 400]
    assert until(lambda: RefusedRequest.objects.count() == 3)
    kept = {row.request_id: row for row in RefusedRequest.objects.all()}
    assert list(kept) == [answer.headers["x-request-id"] for answer in reversed(asked)]
    assert {row.message for row in kept.values()} == {answer.json()["error"]["message"] for answer in asked}
    counts = {(row.code, row.model): row.count for row in RefusalCount.objects.all()}
    # A model that does not exist is the client's text, and is not counted under it.
    assert counts[("insufficient_quota", "deepseek-chat")] == 1
    assert counts[("model_not_found", "unknown")] == 1
    assert sum(counts.values()) == 3
