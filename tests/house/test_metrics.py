import httpx
import pytest

from config import metrics
from tests.running import RunningServer
from tests.waiting import LONG


async def answer(headers=(), client=("127.0.0.1", 1)):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"method": "GET", "path": "/metrics", "headers": list(headers), "client": client}
    await metrics.Metrics(lambda: b"text")(scope, None, send)
    return sent[0]["status"]


async def test_only_this_machine_and_who_has_the_token_may_read(settings):
    assert await answer() == 200
    assert await answer(client=("::1", 1)) == 200
    assert await answer(client=("192.0.2.1", 1)) == 404
    assert await answer(headers=[(b"x-forwarded-for", b"192.0.2.1")]) == 404
    assert await answer(headers=[(b"authorization", b"Bearer ")], client=("192.0.2.1", 1)) == 404
    settings.METRICS_TOKEN = "secret"
    assert await answer(headers=[(b"authorization", b"Bearer secret")], client=("192.0.2.1", 1)) == 200
    assert await answer(headers=[(b"authorization", b"Bearer wrong")], client=("192.0.2.1", 1)) == 404


@pytest.mark.server
def test_the_running_house_shows_its_batches(server: RunningServer) -> None:
    httpx.post(f"{server.url}/v1/chat/completions", json={}, headers={"authorization": "Bearer sk-no"}, timeout=LONG)
    text = httpx.get(f"{server.url}/metrics", timeout=LONG).text
    assert 'meterhouse_refusals_total{code="invalid_api_key"}' in text
    for name in ("batch_size_count", "batch_seconds_sum", "queue_wait_seconds_count", "bridge_alive 1.0"):
        assert f"meterhouse_{name}" in text
