#!/usr/bin/env python
"""Measures how fast usage from elsewhere is recorded, beside a raw COPY of the same rows, on one PostgreSQL with fsync.

    benchmarks/ingest.py [--events 200000] [--rounds 3]

As `manage.py ingest` does: one process and one connection read a file of JSON Lines. Each event is parsed, checked,
priced as of its time, looked for among those that are known, recorded, charged, counted for a limit, posted to the
ledger and rolled up. `again` reads the same file once more: all are found to be known. COPY only writes the rows, into
an empty copy of the table with its indexes and constraints, without foreign keys.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

import django  # noqa: E402
import orjson  # noqa: E402
import psycopg  # noqa: E402

from benchmarks import machine  # noqa: E402
from tests.postgres_server import PostgresServer  # noqa: E402

_KEYS = 20
_DAYS = 2
_MODELS = ("deepseek-chat", "deepseek-coder")


def main() -> int:
    """Print the table; the exit status is 1 when an event was not recorded exactly once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    server = PostgresServer("-cfsync=on", "-cfull_page_writes=on", "-csynchronous_commit=on")
    try:
        os.environ["DATABASE_URL"] = server.url
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
        return _measure(server.url, options.events, options.rounds)
    finally:
        server.close()


def _measure(url: str, events: int, rounds: int) -> int:
    # Django is set up only now.
    from django.core.management import call_command  # noqa: PLC0415

    from tests.billing.reporter import price_the_past  # noqa: PLC0415
    from tests.people import house  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    readings: dict[str, list[float]] = {}
    for number in range(rounds):
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        made = house(f"Round{number}", rpm=10_000_000)
        price_the_past()
        lines = _lines(made, events, number)
        for name, seconds in _round(url, made, lines).items():
            readings.setdefault(name, []).append(events / seconds)
    print(file=sys.stderr)
    base = statistics.median(readings["raw COPY"])
    print(machine.describe())
    print(f"{rounds} rounds of {events:,} events; medians; PostgreSQL, fsync on, one process")
    print(f"{'':<26}{'events/s':>10}{'share':>8}")
    for name, found in readings.items():
        print(f"{name:<26}{statistics.median(found):>10,.0f}{statistics.median(found) / base:>8.2f}")
    return 0


def _lines(made: Any, events: int, seed: int) -> list[bytes]:
    """The events as JSON, spread over two days, 20 keys and two models."""
    chance = random.Random(seed)
    keys = [made.key(f"worker-{number}")[0].public_id for number in range(_KEYS)]
    start = datetime.now(UTC) - timedelta(days=_DAYS)
    step = timedelta(days=_DAYS) / events
    return [
        orjson.dumps({
            "specversion": "1.0", "id": f"{chance.getrandbits(128):032x}", "source": "/proxy",
            "type": "meterhouse.usage", "time": (start + step * number).isoformat(),
            "data": {
                "model": chance.choice(_MODELS), "key_id": chance.choice(keys),
                "input_tokens": chance.randrange(4000), "output_tokens": chance.randrange(900),
            },
        })
        for number in range(events)
    ]  # fmt: skip


def _round(url: str, made: Any, lines: list[bytes]) -> dict[str, float]:
    """Seconds of each."""
    from billing import grants, limits  # noqa: PLC0415
    from billing.ingestion.attribution import Reporter  # noqa: PLC0415
    from billing.ingestion.backfill import Source, backfill  # noqa: PLC0415
    from billing.limits import Terms  # noqa: PLC0415
    from foundation.money import NANO  # noqa: PLC0415
    from usage import rollups  # noqa: PLC0415

    grants.give(made.organization, 1_000_000 * NANO)
    limits.set_limit(made.organization, Terms("usd", 100 * NANO, "month"))
    reporter = Reporter(made.project)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.jsonl"
        path.write_bytes(b"\n".join(lines))

        def send(expected: str) -> None:
            done = backfill(made.organization, reporter, Source(path, "cloudevents", ""), lambda _: None, afresh=True)
            assert getattr(done, expected) == len(lines), done

        def record() -> None:
            send("accepted")
            rollups.fold_pending()

        return {
            "recorded and rolled up": _seconds(record),
            "again: all known": _seconds(lambda: send("duplicate")),
            "raw COPY": _copy(url, made.organization.pk),
        }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _copy(url: str, organization_id: int) -> float:
    """Seconds of writing the same rows into an empty table with the same indexes, in one COPY."""
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied")
        cursor.execute("CREATE TABLE copied (LIKE usage_usageevent INCLUDING ALL)")
        chosen = f"(SELECT * FROM usage_usageevent WHERE organization_id = {organization_id:d})"
        with cursor.copy(f"COPY {chosen} TO STDOUT") as copy:
            rows = b"".join(copy)

        def write() -> None:
            with cursor.copy("COPY copied FROM STDIN") as copy:
                copy.write(rows)

        return _seconds(write)


if __name__ == "__main__":
    raise SystemExit(main())
