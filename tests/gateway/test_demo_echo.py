"""The demo provider repeats the last user message, within the bounds of the request, and counts with the tokenizer."""

import json

import pytest

from gateway import tokens
from gateway.demo.echo import BadRequest, read
from gateway.demo.instance import instance
from tests.gateway.demo_process import body

TEXT = "Hello there, how are you today?"
WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 5},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 2, "maximum": 9},
        "note": {"type": "string"},
    },
    "required": ["city", "unit", "days"],
}
TOOLS = [
    {"type": "function", "function": {"name": "get_time"}},
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}},
]


def echo(text=TEXT, **members):
    return read(json.dumps(body(text, **members)).encode())


def said(answer):
    return "".join(answer.pieces())


def test_it_repeats_the_last_user_message():
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}]},
        {"role": "assistant", "content": "second"},
    ]
    answer = echo(messages=messages)
    assert (said(answer), answer.finish_reason) == ("second", "stop")
    assert answer.prompt_tokens == tokens.count_prompt(messages)


def test_usage_is_what_was_sent():
    answer = echo()
    assert said(answer) == TEXT
    assert answer.usage() == {
        "prompt_tokens": tokens.count_prompt([{"role": "user", "content": TEXT}]),
        "completion_tokens": tokens.count_text(TEXT),
        "total_tokens": tokens.count_prompt([{"role": "user", "content": TEXT}]) + tokens.count_text(TEXT),
        "prompt_cache_hit_tokens": 0,
        "prompt_cache_miss_tokens": answer.prompt_tokens,
    }


@pytest.mark.parametrize("member", ["max_tokens", "max_completion_tokens"])
def test_it_stops_at_the_most_tokens(member):
    answer = echo(**{member: 3})
    assert (answer.completion_tokens, answer.finish_reason) == (3, "length")
    assert TEXT.startswith(said(answer))
    whole = echo(**{member: tokens.count_text(TEXT)})
    assert (said(whole), whole.finish_reason) == (TEXT, "stop")


@pytest.mark.parametrize(
    ("stop", "left"),
    [
        (" how", "Hello there,"),
        (["today", "are"], "Hello there, how "),
        ("absent", TEXT),
        ([], TEXT),
        ("", TEXT),
        ("Hello", ""),
    ],
)
def test_it_stops_before_a_stop_word(stop, left):
    answer = echo(stop=stop)
    assert (said(answer), answer.finish_reason) == (left, "stop")
    assert answer.completion_tokens == tokens.count_text(left)


def test_seed_and_temperature_change_nothing():
    assert said(echo(seed=1, temperature=2, top_p=0.1)) == said(echo(seed=-(2**63))) == TEXT


def test_a_character_is_never_broken():
    text = "é👨\u200d👩\u200d👧汉𝔘"
    pieces = list(echo(text).pieces())
    assert "".join(pieces) == text
    assert "" in pieces
    for most in range(1, len(pieces)):
        cut = said(echo(text, max_tokens=most))
        assert text.startswith(cut)
        assert "\ufffd" not in cut


def test_a_required_tool_is_called_with_arguments_that_fit_its_schema():
    answer = echo(tools=TOOLS[1:], tool_choice="required")
    assert (answer.tool, answer.finish_reason) == ("get_weather", "tool_calls")
    assert json.loads(said(answer)) == {"city": "Hello", "unit": "celsius", "days": 2}
    assert answer.completion_tokens == tokens.count_text("get_weather") + tokens.count_text(said(answer))


def test_a_named_tool_is_called():
    answer = echo(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "get_time"}})
    assert (answer.tool, said(answer)) == ("get_time", "{}")


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_tools_that_need_not_be_called_are_not(choice):
    answer = echo(tools=TOOLS, tool_choice=choice)
    assert (answer.tool, said(answer)) == (None, TEXT)


def test_json_is_valid_json():
    assert json.loads(said(echo(response_format={"type": "json_object"}))) == {"content": TEXT}
    assert said(echo('{"a": 1}', response_format={"type": "json_object"})) == '{"a": 1}'
    wanted = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER}}
    assert json.loads(said(echo(response_format=wanted))) == {"city": "Hello", "unit": "celsius", "days": 2}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "minLength": 4}, "ab.."),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "null"}, None),
        ({"const": 7}, 7),
        ({"type": "number", "exclusiveMinimum": 1.5}, 2.5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array"}, []),
        ({"anyOf": [{"type": "boolean"}, {"type": "string"}]}, True),
        ({"$ref": "#/$defs/name", "$defs": {"name": {"type": "string"}}}, "ab"),
        ({"$ref": "#"}, None),
        ({"properties": {"a": {}}, "required": ["a"]}, {"a": None}),
        ({"type": "object", "properties": {"me": {"$ref": "#"}}, "required": []}, {}),
    ],
)
def test_the_plainest_value_of_a_schema(schema, value):
    assert instance(schema, "ab") == value


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'{"messages": 3}', b'{"messages": ["x"]}', b'{"model": "x"}']
)
def test_a_broken_body_is_refused(raw):
    with pytest.raises(BadRequest):
        read(raw)


def test_no_messages_is_no_answer():
    assert said(echo(messages=[])) == ""
