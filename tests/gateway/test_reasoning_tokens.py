"""Reasoning tokens as the provider counts them: recorded beside the output that they are part of, not charged twice."""

import json

import pytest

from gateway import usage_meter
from tests.gateway.test_wire import events, world  # noqa: F401
from usage.counts import TokenCounts

pytestmark = pytest.mark.database
PLAIN = {"prompt_tokens": 12, "completion_tokens": 10}


def test_a_json_answer_records_and_passes_them_on(world):  # noqa: F811
    body = world.ask("reasoning:6").json()
    event = world.event()
    assert (event.output_tokens, event.reasoning_tokens) == (10, 6)
    assert event.charge == 12 * 270 + 10 * 1100
    details = body["usage"]["completion_tokens_details"]
    assert details == {"reasoning_tokens": 6, "accepted_prediction_tokens": 1}


def test_a_stream_records_and_tells_them(world):  # noqa: F811
    answer = world.ask("reasoning:6", stream=True, stream_options={"include_usage": True})
    assert world.event().reasoning_tokens == 6
    assert json.loads(events(answer)[-2])["usage"]["completion_tokens_details"] == {"reasoning_tokens": 6}


def test_who_does_not_tell_has_none(world):  # noqa: F811
    body = world.ask("hello").json()
    assert world.event().reasoning_tokens is None
    assert "completion_tokens_details" not in body["usage"]


@pytest.mark.parametrize("said", [11, -1, "6", True, None, 6.5e300, [6], {}])
def test_what_cannot_be_a_part_of_the_output_is_not_believed(said):
    counts = usage_meter.reported({**PLAIN, "completion_tokens_details": {"reasoning_tokens": said}})
    assert counts == TokenCounts(12, 0, 10, None)


@pytest.mark.parametrize("details", [None, 6, "6", [], {}])
def test_details_of_another_shape_say_nothing(details):
    assert usage_meter.reported({**PLAIN, "completion_tokens_details": details}) == TokenCounts(12, 0, 10)


def test_none_of_it_was_reasoning_is_known():
    assert usage_meter.reported({**PLAIN, "completion_tokens_details": {"reasoning_tokens": 0}}).reasoning == 0
