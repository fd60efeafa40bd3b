"""The stand-in produces exactly what it is asked for, and writes down what it reported."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks import totals
from benchmarks.totals import Report, Totals
from benchmarks.words import Words
from gateway import tokens
from tests.waiting import LONG

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.csv"


@pytest.fixture
def url(log):
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stand_in", "--log", str(log)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1/chat/completions"
    process.stdin.close()
    assert process.wait(LONG) == 0
    process.stdout.close()


def ask(url, row, put, got, **members):
    body = {"model": "m", "messages": Words(seed=9).prompt(put), "max_tokens": got, "user": row, **members}
    return httpx.post(url, json=body, trust_env=False, timeout=LONG)


def test_json(url, log):
    answer = ask(url, "1", 374, 44).json()
    assert answer["usage"] == {"prompt_tokens": 374, "completion_tokens": 44, "total_tokens": 418}
    assert tokens.count_text(answer["choices"][0]["message"]["content"]) == 44
    assert totals.reports(log) == [Report("1", 374, 44, stream=False)]


def test_stream(url, log):
    answer = ask(url, "2", 2, 100, stream=True, stream_options={"include_usage": True}).text
    assert answer.endswith("\n\ndata: [DONE]\n\n")
    chunks = [json.loads(event.removeprefix("data: ")) for event in answer.split("\n\n")[:-2]]
    pieces = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert sum(1 for piece in pieces if piece) == 100
    assert tokens.count_text("".join(piece or "" for piece in pieces)) == 100
    assert chunks[-1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 100, "total_tokens": 102}
    assert totals.of_reports(totals.reports(log)) == Totals(1, 2, 100)


def test_without_include_usage_a_stream_has_none(url):
    assert "usage" not in ask(url, "3", 10, 5, stream=True).text
