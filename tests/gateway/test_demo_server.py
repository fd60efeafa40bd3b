"""The demo provider over HTTP: form, pace, and when it ends."""

import asyncio
import json
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from gateway import tokens
from tests.gateway.demo_process import DemoProcess, body
from tests.waiting import LONG

pytestmark = pytest.mark.server
WORDS = " ".join(f"word{number}" for number in range(40))
# Of its default pace, in seconds a token.
PACE = 0.004


@pytest.fixture(scope="module")
def quick():
    demo = DemoProcess("--delay-ms", "0")
    yield demo
    demo.close()


@pytest.fixture(scope="module")
def paced():
    demo = DemoProcess()
    yield demo
    demo.close()


def post(demo, **members):
    return httpx.post(f"{demo.url}/chat/completions", json=body(**members), timeout=2 * LONG, trust_env=False)


def events(text):
    assert text.endswith("data: [DONE]\n\n")
    blocks = text.split("\n\n")[:-2]
    assert all(block.startswith("data: ") for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def test_its_first_line_is_its_port_and_only_this_machine_reaches_it(quick):
    assert quick.first_line.strip().isdigit()
    with socket.socket() as probe:
        # The listener has the loopback address only, so another address of this machine has the port free.
        probe.bind(("127.0.0.2", int(quick.first_line)))


def test_json(quick):
    answer = post(quick).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "any-model"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello there, how are you today?"}
    assert answer["usage"]["completion_tokens"] == tokens.count_text("Hello there, how are you today?")


def test_stream(quick):
    answer = post(quick, text="Grüße 👩\u200d💻 汉", stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"] == "text/event-stream"
    *chunks, last = events(answer.text)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == tokens.count_text("Grüße 👩\u200d💻 汉")
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in (*chunks, last)}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == "Grüße 👩\u200d💻 汉"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]


def test_a_stream_without_include_usage_has_no_usage(quick):
    assert all("usage" not in chunk and chunk["choices"] for chunk in events(post(quick, stream=True).text))


def test_a_streamed_tool_call(quick):
    tool = {
        "type": "function",
        "function": {"name": "look", "parameters": {"required": ["at"], "properties": {"at": {}}}},
    }
    chunks = events(post(quick, stream=True, tools=[tool], tool_choice="required").text)
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert calls[0]["function"]["name"] == "look"
    assert calls[0]["id"].startswith("call_")
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"at": None}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("content", [b"{", b'{"model": "x"}', b'{"messages": 1}'])
def test_a_broken_body_is_400(quick, content):
    answer = httpx.post(f"{quick.url}/chat/completions", content=content, timeout=LONG, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_other_routes_are_404_and_models_is_a_list(quick):
    with httpx.Client(timeout=LONG, trust_env=False) as http:
        assert http.get(f"{quick.url}/nothing").status_code == 404
        assert http.get(f"{quick.url}/models").json()["object"] == "list"


def test_a_long_body_is_answered(quick):
    answer = post(quick, text="a" * 1_000_000, max_tokens=5).json()
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["usage"]["prompt_tokens"] == tokens.count_text("a" * 1_000_000) + 3


def test_json_takes_as_long_as_its_tokens(paced):
    least = tokens.count_text(WORDS) * PACE
    took = []
    # A pause of this machine makes one of them late, not all.
    while not took or (min(took) >= least + 1 and len(took) < 10):
        started = time.monotonic()
        assert post(paced, text=WORDS).status_code == 200
        took.append(time.monotonic() - started)
    assert least <= min(took) < least + 1


async def test_many_streams_keep_the_pace(paced):
    text = f"{WORDS} " * 5
    least = tokens.count_text(text) * PACE

    async def stream(http):
        started = time.monotonic()
        times = []
        async with http.stream("POST", f"{paced.url}/chat/completions", json=body(text, stream=True)) as answer:
            async for _ in answer.aiter_raw():
                times.append(time.monotonic() - started)
        return times

    async with httpx.AsyncClient(timeout=2 * LONG, trust_env=False, limits=httpx.Limits(max_connections=40)) as http:
        answers = await asyncio.gather(*(stream(http) for _ in range(30)))
    for times in answers:
        # It neither runs ahead, nor sends all at the end, nor serves one after the other.
        assert least - 0.005 <= times[-1] < 30 * least / 2
        assert len(times) > 10


async def test_a_client_that_leaves_stops_the_work(paced):
    async def leave():
        async with (
            httpx.AsyncClient(timeout=LONG, trust_env=False) as http,
            http.stream("POST", f"{paced.url}/chat/completions", json=body(WORDS * 500, stream=True)) as answer,
        ):
            async for _ in answer.aiter_raw():
                return

    def processor_seconds():
        fields = Path(f"/proc/{paced.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    async def second():
        before = processor_seconds()
        await asyncio.sleep(1)
        return processor_seconds() - before

    await asyncio.gather(*(leave() for _ in range(20)))
    # Twenty streams at this pace take well over 0.1 s of a second, and would go on for more than a minute.
    for _ in range(30):
        if await second() < 0.1:
            return
    pytest.fail("it still works for those who left")


def test_it_ends_with_its_standard_input():
    demo = DemoProcess()
    assert demo.process.poll() is None
    demo.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert demo.process.poll() is None
    demo.process.stdin.close()
    assert demo.process.wait(LONG) == 0


def test_it_ends_on_sigterm():
    demo = DemoProcess()
    demo.process.terminate()
    assert demo.process.wait(LONG) == 0
    demo.close()
