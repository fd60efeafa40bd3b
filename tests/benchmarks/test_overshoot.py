"""Two hundred at once on room for ten: exactly ten, all others 402, on both databases."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.redis_server import BINARY as REDIS_BINARY
from tests.postgres_server import binaries

pytestmark = [pytest.mark.server, pytest.mark.timeout(1000)]
ROOT = Path(__file__).resolve().parents[2]


def overshoot(*arguments):
    command = [sys.executable, "benchmarks/overshoot.py", "--mixes", "2", "--seed", "11", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        command, cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=960, check=False
    )


def assert_all_is_well(run):
    assert run.returncode == 0, run.stdout + run.stderr
    rows = [line.split() for line in run.stdout.splitlines() if line.startswith("(")]
    assert [row[2:] for row in rows[:4]] == [[mode, "10", "190", "0", "10", "0"] for mode in ("JSON", "stream") * 2]
    assert len(rows) == 8
    assert "the books agree" in run.stdout


def test_no_limit_is_overshot_on_sqlite():
    assert_all_is_well(overshoot())


@pytest.mark.redis
@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed on this machine")
@pytest.mark.skipif(REDIS_BINARY is None, reason="redis-server is not installed on this machine")
def test_no_limit_is_overshot_by_four_workers_on_postgresql():
    assert_all_is_well(overshoot("--postgres"))
