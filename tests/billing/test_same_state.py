"""Invariant 16: the same seeded schedule ends in the same state on SQLite and on PostgreSQL."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import postgres_server

SEEDS = [str(seed) for seed in range(int(os.environ.get("METERHOUSE_SCHEDULES", "4")))]
_PROGRAM = "import django; django.setup(); from tests.billing import schedule; schedule.main()"


def _start(database_url: str, data_dir: Path) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONHASHSEED": "0",
    }
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM, *SEEDS],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _end(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said, complaint = process.communicate(timeout=200)
    assert process.returncode == 0, complaint[-4000:]
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.timeout(300)
def test_the_same_schedule_ends_in_the_same_state_on_both_databases(tmp_path: Path) -> None:
    if postgres_server.binaries() is None:
        pytest.skip("PostgreSQL is not installed on this machine (initdb and postgres)")
    with closing(postgres_server.PostgresServer()) as server:
        on_postgresql = _start(server.url, tmp_path)
        on_sqlite = _start(f"sqlite:///{tmp_path}/same.sqlite3", tmp_path)
        found, expected = _end(on_postgresql), _end(on_sqlite)
    for seed in SEEDS:
        assert expected[seed]["broken"] == found[seed]["broken"] == []
        assert found[seed]["answers"] == expected[seed]["answers"]
        for table, rows in expected[seed]["state"].items():
            assert found[seed]["state"][table] == rows, f"{table} of schedule {seed}"
    tables = {table for seed in SEEDS for table, rows in expected[seed]["state"].items() if rows}
    assert tables == set(expected["0"]["state"]), "a schedule that leaves a table empty compares nothing"
