"""The measuring tools measure: the stub answers, the pass-through passes on, the load generator counts."""

import contextlib
import shutil
import sys

import pytest

from benchmarks import speed
from benchmarks.speed import Reading, Target, table

pytestmark = [pytest.mark.server, pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")]


def test_the_pass_through_is_measured(tmp_path):
    load, stub = speed.build("load", tmp_path), speed.build("stub", tmp_path)
    with contextlib.ExitStack() as stack:
        upstream, _ = stack.enter_context(speed._process([str(stub), "50"], 0))
        command = [sys.executable, "-m", "benchmarks.passthrough", "--upstream", f"http://127.0.0.1:{upstream}"]
        port, pid = stack.enter_context(speed._process(command, 1))
        target = Target("pass-through", port, pid)
        for stream in (False, True):
            reading = speed.measure(load, target, stream=stream, connections=4, seconds=2)
            assert reading.bad == 0
            assert reading.per_second > 1
            assert reading.per_cpu >= reading.per_second * 0.5
            assert 0 < reading.median <= reading.slowest


def test_an_answer_that_is_not_200_is_bad(tmp_path):
    load = speed.build("load", tmp_path)
    # Nobody listens where this pass-through passes on to.
    command = [sys.executable, "-m", "benchmarks.passthrough", "--upstream", "http://127.0.0.1:9"]
    with speed._process(command, 1) as (port, pid):
        reading = speed.measure(load, Target("broken", port, pid), stream=False, connections=2, seconds=2)
    assert (reading.per_second, reading.bad > 0) == (0, True)


def test_the_table_shows_medians_and_shares():
    def of(*per_cpu):
        return [Reading(value, value / 2, 1.0, 2.0, 0) for value in per_cpu]

    readings = {("base", False, 16): of(100, 400, 200), ("ours", False, 16): of(50, 150, 100)}
    lines = table(readings, "base").splitlines()
    assert lines[1].split() == ["base", "JSON", "x16", "200", "1.00", "100", "1.00", "2.00", "0.000", "0"]
    assert lines[2].split() == ["ours", "JSON", "x16", "100", "0.50", "50", "1.00", "2.00", "0.000", "0"]
