"""A stream's progress is counted piece by piece, and comes to what the whole text counts."""

import random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import tokens
from gateway.usage_meter import OutputMeter
from tests.gateway.test_tokens_vocabulary import PIECES, SAMPLES


def running(parts: list[str]) -> list[int]:
    count = tokens.RunningCount()
    return [count.add(part) for part in parts]


@given(st.lists(st.sampled_from((*PIECES, *SAMPLES)) | st.text(max_size=5), max_size=40))
def test_it_is_exact_wherever_the_text_is_cut(parts):
    expected = [tokens.count_text("".join(parts[: number + 1])) for number in range(len(parts))]
    assert running(parts) == expected


@pytest.mark.parametrize(
    "sample", ["一段没有空格的中文，很长的中文。", "word by word, and so on. ", "日本語のテキスト、"]
)
def test_what_was_counted_is_not_counted_again(sample):
    counted = 0
    count_text = tokens.count_text

    def watched(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return count_text(text)

    parts = [sample * 10] * 200
    with patch.object(tokens, "count_text", watched):
        running(parts)
    assert counted < 3 * len("".join(parts))


def test_a_text_in_which_no_token_ends_is_not_kept_for_ever():
    draw = random.Random(3)
    parts = ["".join(draw.choice("abcdef") for _ in range(1000)) for _ in range(100)]
    assert running(parts)[-1] == pytest.approx(tokens.count_text("".join(parts)), rel=0.001)


def test_the_meter_tells_every_piece_once():
    meter = OutputMeter()
    meter.add_text("a")
    meter.add_texts(["b", "", "c"])
    assert (meter.news(), meter.news(), meter.pieces) == ("abc", "", 3)
    meter.add_text("d")
    assert (meter.news(), meter.count(len)) == ("d", 4)
