"""A replay ends with equal figures everywhere, also after an interruption, and says so when they are not equal."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import LONG, until

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]
ROWS = 120
# So many that a replay is not at its end when it is told to stop.
MANY = 600


def written(folder, count):
    path = folder / "trace.csv"
    rows = [(2 + 41 * number % 900, 1 + 17 * number % 70) for number in range(count)]
    lines = "".join(f"2023-11-16 18:17:03.97,{put},{got}\n" for put, got in rows)
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + lines)
    return path, sum(put for put, _ in rows), sum(got for _, got in rows)


@pytest.fixture
def trace(tmp_path):
    return written(tmp_path, ROWS)


def replay(*arguments):
    command = [sys.executable, "benchmarks/replay.py", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_every_witness_says_the_same(trace, tmp_path):
    path, put, got = trace
    run = replay(path, "--concurrency", 8, "--stream", 30, "--folder", tmp_path / "work")
    said, progress = run.communicate(timeout=3 * LONG)
    assert run.returncode == 0, progress + said
    assert said.count(f"{ROWS:,}".rjust(12) + f"{put:,}".rjust(16) + f"{got:,}".rjust(16)) == 5
    assert "30 streamed" in said
    assert "all equal" in said
    assert f"{ROWS}/{ROWS} 100%" in progress


@pytest.mark.timeout(600)
def test_an_interrupted_replay_goes_on_and_a_false_record_is_found(tmp_path):
    path, _, _ = written(tmp_path, MANY)
    folder = tmp_path / "work"
    done = folder / "done.txt"
    first = replay(path, "--concurrency", 1, "--stream", 40, "--folder", folder)
    assert until(lambda: done.exists() and len(done.read_text().split()) >= 5, 3 * LONG, every=0.02)
    os.killpg(first.pid, signal.SIGINT)
    said, progress = first.communicate(timeout=LONG)
    assert first.returncode == 130, progress + said
    assert f"--folder {folder}" in said
    assert 5 <= len(done.read_text().split()) < MANY
    # A row that the trace does not have, as if the stand-in had been asked for more.
    with (folder / "stand-in.csv").open("a") as log:
        log.write("9999,5,5,0\n")
    second = replay(path, "--stream", 40, "--folder", folder)
    said, progress = second.communicate(timeout=3 * LONG)
    assert second.returncode == 1, progress + said
    assert "NOT EQUAL" in said
    assert "1 rows were reported otherwise" in said
    with sqlite3.connect(folder / "meterhouse.sqlite3") as database:
        assert database.execute("SELECT COUNT(*) FROM usage_usageevent").fetchone() == (MANY,)


def test_a_folder_of_another_trace_is_refused(trace, tmp_path):
    path, _, _ = trace
    folder = tmp_path / "work"
    folder.mkdir()
    state = {"trace": "another", "database": "sqlite:///x", "seconds": 0, "began": 0}
    (folder / "replay.json").write_text(json.dumps(state))
    run = replay(path, "--folder", folder)
    _, said = run.communicate(timeout=LONG)
    assert run.returncode == 1
    assert "belongs to a replay of another trace" in said
