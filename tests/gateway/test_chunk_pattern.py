"""Comparing chunks instead of parsing them changes nothing: neither the events nor what is counted."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import answer
from gateway.answer import ChunkWriter

TEXTS = st.lists(st.text(max_size=8) | st.sampled_from(['"', "\\", '\\"', "\n", "é🚀", '"content":"x"', "[DONE]", ""]))


def chunk(text: str, name: str = "content", **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": {name: text}, "finish_reason": None}
    return {"id": "u", "model": "secret", "created": 1, "choices": [choice], **more}


def read(chunks: list[bytes], patterns: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[object], object]:
    """Every event as the client understands it, and all that the meter and the writer know at the end."""
    monkeypatch.setattr(answer, "_MOST_PATTERNS", patterns)
    monkeypatch.setattr(answer.time, "time", lambda: 1.0)
    writer = ChunkWriter("m", "req_1")
    events: list[object] = []
    done, broken = False, None
    for read_at_once in (chunks[:3], chunks[3:4], chunks[4:]):
        written, done, broken = writer.take_all(read_at_once)
        assert not written or (written.startswith(b"data: ") and written.endswith(b"\n\n"))
        events += [orjson.loads(event.removeprefix(b"data: ")) for event in written.split(b"\n\n")[:-1]]
        if done or broken:
            break
    known = (writer.meter.pieces, writer.meter.count(len), writer.meter.is_empty, writer.usage, writer.finish_reason)
    return events, (*known, done, str(broken))


def same(chunks: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert read(chunks, 4, patch) == read(chunks, 0, patch)


def counted(chunks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many of the chunks were parsed."""
    parsed = []
    parse = ChunkWriter._parse
    monkeypatch.setattr(ChunkWriter, "_parse", lambda self, data: parsed.append(data) or parse(self, data))
    ChunkWriter("m", "req_1").take_all(chunks)
    return len(parsed)


@given(TEXTS, st.sampled_from(["content", "reasoning_content"]), st.booleans(), st.booleans())
def test_any_texts(texts, name, is_spaced, is_ascii):
    separators = None if is_spaced else (",", ":")
    same([json.dumps(chunk(text, name), separators=separators, ensure_ascii=is_ascii).encode() for text in texts])


@given(st.lists(st.sampled_from([
    chunk("a"),
    chunk("b"),
    chunk('say "content":"c"'),
    chunk("think", "reasoning_content"),
    chunk("d", usage={"prompt_tokens": 1, "completion_tokens": 2}),
    chunk("e", usage=None),
    chunk("f", system_fingerprint="fp"),
    chunk("g", content="not this one"),
    {"choices": [{"delta": {"content": "h", "reasoning_content": "i"}}]},
    {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"delta": {"content": None, "tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]},
    {"choices": [{"delta": {"content": "j"}, "logprobs": {"content": [{"token": "j"}]}}]},
    {"choices": [{"delta": {"content": "k"}}, {"delta": {"content": "second choice"}}]},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    {"error": {"message": "boom"}},
])))  # fmt: skip
def test_any_order_of_any_chunks(chunks):
    same([orjson.dumps(one) for one in chunks])


@pytest.mark.parametrize(
    "third",
    [
        b'{"choices":[{"delta":{"content":"a","content":"b"}}]}',
        b'{"choices":[{"delta":{"content":"a"}}],"choices":[]}',
        b'{"choices":[{"delta":{"content":"a" , "x":"b"}}]}',
        b'{"choices":[{"delta":{"content":"a\nb"}}]}',
        b'{"choices":[{"delta":{"content":"\xff"}}]}',
        b'{"choices":[{"delta":{"content":"\\ud800"}}]}',
        b'{"choices":[{"delta":{"content":"\\"}}]}',
        b'{"choices":[{"delta":{"content":"}}]}',
        b'{"choices":[{"delta":{"content":7}}]}',
        b'{"choices":[{"delta":{"content":"a"}}]} ',
        b'{"choices":[{"delta":{"content":""}}]}',
    ],
)
def test_what_only_looks_alike_is_parsed(third):
    alike = b'{"choices":[{"delta":{"content":"a"}}]}'
    same([alike, alike, alike, third, alike])
    same([alike, alike, alike, alike, third, alike, third, third, alike])
    same([third, third, third])


LITERALS = st.text(st.sampled_from('ab\\",[]{}1 :\n'), max_size=5)


@given(st.lists(LITERALS, min_size=5, max_size=9))
def test_literals_that_are_wrong_alone_are_wrong_together(literals):
    start = [chunk("a"), chunk("b")]
    broken = [b'{"choices":[{"delta":{"content":"%b"}}]}' % literal.encode() for literal in literals]
    same([*(orjson.dumps(one) for one in start), b'{"choices":[{"delta":{"content":"c"}}]}', *broken])


@pytest.mark.parametrize(
    "pair", [('a\\', ',"c'), ('a\\\\', "b"), ('a"', '"b'), ('a","b', "c\\"), ('",["a"],"', "b"), ("\\", "\\")]
)  # fmt: skip
def test_literals_that_only_make_sense_together_are_wrong(pair):
    alike = b'{"choices":[{"delta":{"content":"c"}}]}'
    same([alike, alike, *(b'{"choices":[{"delta":{"content":"%b"}}]}' % literal.encode() for literal in pair), alike])
    same([alike] * 4 + [b'{"choices":[{"delta":{"content":"%b"}}]}' % literal.encode() for literal in pair])


def test_chunks_that_differ_in_their_text_alone_are_parsed_twice(monkeypatch):
    chunks = [orjson.dumps(chunk(text)) for text in "abcdefgh"]
    assert counted(chunks, monkeypatch) == 2


def test_a_provider_whose_chunks_always_differ_is_given_up(monkeypatch):
    chunks = [orjson.dumps(chunk("x", obfuscation=str(number))) for number in range(20)]
    made = []
    make = answer.chunk_pattern.pattern_of
    monkeypatch.setattr(answer.chunk_pattern, "pattern_of", lambda *args: made.append(1) or make(*args))
    assert counted(chunks, monkeypatch) == 20
    assert len(made) == 4
