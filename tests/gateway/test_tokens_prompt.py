"""A prompt is its texts, the template around them, the tools, and the opening of the answer."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import tokens

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TEXT = tokens.count_text("Hello there")


def _user(content):
    return {"role": "user", "content": content}


def test_one_user_message_is_its_text_and_three_markers():
    # Begin of sentence, User, text, Assistant.
    assert tokens.count_prompt([_user("Hello there")]) == TEXT + 3


def test_a_conversation_counts_every_message():
    messages = [
        {"role": "system", "content": "Hello there"},
        _user("Hello there"),
        {"role": "assistant", "content": "Hello there"},
        _user("Hello there"),
    ]
    assert tokens.count_prompt(messages) == 4 * TEXT + 2 + 0 + 1 + 2 + 1


def test_content_parts_are_one_text():
    parts = [{"type": "text", "text": "Hello"}, {"type": "text", "text": " there"}]
    assert tokens.count_prompt([_user(parts)]) == tokens.count_prompt([_user("Hello there")])


def test_tool_calls_and_results_count():
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    messages = [_user("Hello there"), {"role": "assistant", "content": None, "tool_calls": [call]}]
    expected = tokens.count_prompt(messages[:1]) + 2 + 2 + 3
    expected += tokens.count_text("get_weather") + tokens.count_text('{"city": "Paris"}')
    assert tokens.count_prompt(messages) == expected
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    assert tokens.count_prompt([*messages, result]) == expected + 2 + tokens.count_text("sunny")


def test_tool_definitions_count():
    alone = tokens.count_prompt([_user("Hi")])
    one = tokens.count_prompt([_user("Hi")], [TOOL])
    two = tokens.count_prompt([_user("Hi")], [TOOL, TOOL])
    assert one - alone > two - one > tokens.count_text(json.dumps(TOOL["function"]["parameters"]))
    assert tokens.count_prompt([_user("Hi")], []) == alone


def test_the_bound_is_bytes_and_sixteen_a_message():
    assert tokens.upper_bound([_user("é" * 10), _user([{"type": "text", "text": "ab"}])]) == 20 + 2 + 32


@pytest.mark.parametrize("content", [None, "", [], [{"type": "text"}], [None], 7, {"text": "x"}])
def test_odd_content_counts_as_its_markers(content):
    assert tokens.count_prompt([_user(content)]) == 3
    assert tokens.upper_bound([_user(content)]) == 16


def test_deep_nesting_does_not_raise():
    nested: dict = {"leaf": "x"}
    for _ in range(5000):
        nested = {"a": [nested]}
    tool = {"type": "function", "function": {"name": "deep", "parameters": nested}}
    assert 5000 < tokens.count_prompt([_user("Hi")], [tool]) <= tokens.upper_bound([_user("Hi")], [tool])


_texts = st.text(max_size=60)
_parts = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": _texts}), max_size=3)
_call = st.fixed_dictionaries({"name": _texts, "arguments": _texts})
_message = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
        "content": st.one_of(st.none(), _texts, _parts),
    },
    optional={
        "tool_calls": st.lists(st.fixed_dictionaries({"id": _texts, "function": _call}), max_size=3),
        "name": _texts,
    },
)
_messages = st.lists(_message, min_size=1, max_size=5)
_function = st.fixed_dictionaries(
    {"name": _texts}, optional={"description": _texts, "parameters": st.dictionaries(_texts, _texts)}
)
_tools = st.lists(st.fixed_dictionaries({"function": _function}), max_size=3)


@settings(max_examples=150, deadline=None)
@given(_messages, st.one_of(st.none(), _tools))
def test_the_bound_is_never_below_the_count(messages, tools):
    assert 2 <= tokens.count_prompt(messages, tools) <= tokens.upper_bound(messages, tools)
