"""Traces are read as they are, and become prompts and answers of exactly their size."""

import io

import pytest

from benchmarks import trace
from benchmarks.progress import Progress
from benchmarks.trace import Row
from benchmarks.words import Words
from gateway import tokens


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "trace.csv"
    lines = [f"2023-11-16 18:17:0{number}.9799600,{100 * number},{number}" for number in range(1, 10)]
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\r\n" + "\r\n".join(lines))
    return path


def test_rows_are_numbered_from_one(path):
    assert trace.read(path)[:2] == [Row(1, 100, 1), Row(2, 200, 2)]
    assert len(trace.read(path)) == 9
    assert len(trace.read(path, limit=4)) == 4


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,ContextTokens\n1,2\n")
    with pytest.raises(ValueError, match="no column GeneratedTokens"):
        trace.read(path)


def test_a_sample_is_spread_over_the_trace(path):
    rows = trace.read(path)
    assert trace.sample(rows, 3) == {1, 4, 7}
    assert trace.sample(rows, 100) == set(range(1, 10))
    assert trace.sample(rows, 0) == set()


def test_a_prompt_has_exactly_its_tokens():
    words = Words()
    for count in (*range(2, 40), 374, 4096, 14_050, 32_000):
        assert tokens.count_prompt(words.prompt(count, start=count * 7)) == count
    with pytest.raises(ValueError, match="No prompt has 1 tokens"):
        words.prompt(1)


def test_an_answer_has_exactly_its_tokens():
    words = Words()
    for count in (1, 2, 10, 991):
        pieces = words.pieces(count)
        assert "".join(pieces) == words.text(count)
        assert [tokens.count_text(piece) for piece in pieces] == [1] * count
        assert tokens.count_text(words.text(count)) == count
    assert words.text(0) == ""
    with pytest.raises(ValueError, match="more than"):
        words.text(1_000_000)


def test_progress_shows_how_far_it_is():
    out = io.StringIO()
    progress = Progress(total=4, done=1, out=out)
    progress.step()
    progress.finish()
    assert out.getvalue().splitlines()[-1].startswith("[################................] 2/4  50%")
    assert Progress(total=0, out=out).line().startswith("[################################] 0/0 100%")
