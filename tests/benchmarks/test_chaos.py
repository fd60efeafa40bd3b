"""A short storm of kills loses, doubles and overshoots nothing, and the audit finds what is not so."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import books
from benchmarks.crowd import read_journal
from tests.gateway.redis_server import BINARY as REDIS_BINARY
from tests.postgres_server import binaries

pytestmark = [pytest.mark.server, pytest.mark.timeout(1000)]
ROOT = Path(__file__).resolve().parents[2]
COMPARISONS = 15


def chaos(*arguments):
    command = [sys.executable, "benchmarks/chaos.py", "--short", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        command, cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=960, check=False
    )


def assert_all_is_well(run):
    assert run.returncode == 0, run.stdout + run.stderr
    figures = [line for line in run.stdout.splitlines() if line.endswith(" 0")]
    assert len(figures) >= COMPARISONS, run.stdout


def test_killing_the_gateway_loses_nothing_on_sqlite(tmp_path):
    folder = tmp_path / "chaos"
    run = chaos("--seed", 1, "--folder", folder)
    assert_all_is_well(run)
    assert "killed: gateway 5" in run.stdout
    seen = read_journal(folder / "seen.jsonl")
    assert len(seen) > 20

    # And if something were lost, doubled, overshot or left held, the audit would say so.
    path = folder / "meterhouse.sqlite3"
    url = f"sqlite:///{path}"
    assert books.compare(url, seen).number == 0
    ruin(path)
    lost = replace(seen[0], request_id="req_nobody")
    found = {name: len(texts) for name, texts in books.compare(url, [*seen, lost, seen[1]]).by_name.items()}
    assert [name for name, count in found.items() if not count] == []


def ruin(path):
    """One of everything that must not be."""
    with sqlite3.connect(path) as database:
        # The database refuses most of this.
        database.execute("PRAGMA ignore_check_constraints = ON")
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        columns = [row[1] for row in database.execute("PRAGMA table_info(usage_usageevent)")]
        copied = ", ".join("-id" if name == "id" else name for name in columns)
        one = "(SELECT MAX(id) FROM usage_usageevent)"
        database.execute(f"INSERT INTO usage_usageevent SELECT {copied} FROM usage_usageevent WHERE id = {one}")
        database.execute("UPDATE usage_usageevent SET output_tokens = output_tokens + 1")
        database.execute("UPDATE billing_spendingwindow SET held = 1, settled = cap WHERE cap IS NOT NULL")
        database.execute("UPDATE billing_creditgrant SET burned = burned + 1")
        database.execute(
            "UPDATE billing_ledgerentry SET amount = amount + 1 WHERE id = (SELECT MAX(id) FROM billing_ledgerentry)"
        )
    database.close()


@pytest.mark.redis
@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed on this machine")
@pytest.mark.skipif(REDIS_BINARY is None, reason="redis-server is not installed on this machine")
def test_killing_workers_jobs_and_database_loses_nothing_on_postgresql():
    assert_all_is_well(chaos("--seed", 4, "--postgres"))
