"""The reader of a provider's events, and the chunks made of them, whatever the bytes."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.principal import Principal
from billing.terms import Admission, UpstreamTarget
from foundation.money import UnitPrices
from gateway import chat_request, upstream
from gateway.answer import ChunkWriter, Malformed
from gateway.errors import ApiError
from gateway.sse import EventReader

PAYLOADS = st.lists(st.text(min_size=1).map(lambda text: orjson.dumps(text.encode("utf-8", "replace").decode())))


@pytest.fixture
def admitted() -> Admission:
    caller = Principal(1, "k", 1, "o", 1, None, "active", False, frozenset({"chat"}), None, (), 10, None)
    target = UpstreamTarget(1, "p", "http://127.0.0.1:9/v1", "", "up")
    return Admission(1, caller, "req_1", "m", (target,), 9, 7, False, UnitPrices(1, 1, 1), (1, 1, 1), 1, (), 0.0, False)


@given(PAYLOADS, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(0, 400), max_size=30))
def test_events_are_the_same_wherever_the_bytes_are_cut(payloads, end, cuts):
    whole = b"".join(b": note" + end + b"id: 7" + end + b"data: " + data + end + end for data in payloads)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    reader = EventReader()
    found = [event for a, b in pairwise(places) for event in reader.feed(whole[a:b])]
    assert found + reader.finish() == payloads


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_read_without_a_fault(parts):
    reader = EventReader()
    writer = ChunkWriter("m", "req_1")
    for event in [*(event for part in parts for event in reader.feed(part)), *reader.finish()]:
        try:
            writer.take(event)
        except Malformed:
            return


@pytest.mark.parametrize("reason", [None, 7, 0.5, True, "", "eos", "length", [1], {"a": None}])
def test_a_strange_end_is_an_end(reason):
    writer = ChunkWriter("m", "req_1")
    chunk = {"error": None, "choices": [{"delta": {"content": "x"}, "finish_reason": reason}]}
    writer.take(orjson.dumps(chunk))
    assert writer.finish_reason in (None, "stop", "length", "tool_calls", "content_filter")


def test_only_the_contracts_ends_are_told():
    writer = ChunkWriter("m", "req_1")
    writer.take(orjson.dumps({"choices": [{"delta": {}, "finish_reason": "function_call"}]}))
    assert writer.finish_reason == "stop"


def deep(depth: int) -> bytes:
    start = b'{"model":"m","messages":[{"role":"user","content":"x"}],"x":'
    return start + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize("depth", [10, 254, 300, 800])
def test_deep_nesting_is_passed_on(depth, admitted):
    sent = upstream.upstream_body(chat_request.parse(deep(depth)), admitted, admitted.targets[0])
    assert sent.count(b"[") == depth + 1
    assert orjson.loads(sent)["max_tokens"] == admitted.output_cap


@pytest.mark.parametrize("depth", [1020, 1100, 100_000])
def test_nesting_too_deep_to_write_is_refused(depth, admitted):
    with pytest.raises(ApiError) as refused:
        upstream.upstream_body(chat_request.parse(deep(depth)), admitted, admitted.targets[0])
    assert refused.value.status == 400
