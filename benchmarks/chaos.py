#!/usr/bin/env python
"""Kills the gateway, its workers, the jobs and the database under load, round after round, and then audits the books.

    benchmarks/chaos.py [--rounds 20] [--seed N] [--postgres] [--clients 32] [--short] [--save NAME] [--folder DIR]

It starts everything itself: `manage.py serve` on SQLite, or four workers on PostgreSQL with Redis and Celery; a
provider that misbehaves by chance; clients, some of whom leave in mid-stream, with keys of all kinds of limits. Clients
write down every answer that they saw complete. In the end everything that is recorded is compared with everything else
and with that. The exit status is 0 when nothing was lost, charged twice, overshot or left held.
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

from benchmarks import books, machine  # noqa: E402
from benchmarks.books import Findings, Watch  # noqa: E402
from benchmarks.crowd import Caller, Crowd, Journal, Storm, read_journal  # noqa: E402
from benchmarks.house import House, PostgresHouse, SqliteHouse, provider  # noqa: E402
from benchmarks.progress import Progress  # noqa: E402

_ROUNDS = 20
_SHORT_ROUNDS = 5
# Limits are small, so that they are reached; after so many rounds there are new keys.
_ROUNDS_A_SCENE = 5
# What a client may be told while things die: done, no room left, try again.
_EXPECTED = {"200", "402", "503"}
_MOST_SHOWN = 10


@dataclass
class Storming:
    """One run: what was done and what came of it."""

    house: House
    seed: int
    rounds: int
    clients: int
    folder: Path
    kills: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    samples: int = 0

    @property
    def journal(self) -> Path:
        return self.folder / "seen.jsonl"

    def run(self, *, short: bool) -> Findings:
        """Storm, wait for rest, audit."""
        scenes = self._open_scenes()
        watch = Watch(self.house.database_url)
        watch.start()
        started = time.monotonic()
        with contextlib.closing(Journal(self.journal)) as journal:
            crowd = Crowd(self.house.url, journal, self.counts)
            asyncio.run(self._storm(Storm(crowd, str(self.seed), scenes[0]), scenes))
        self.house.wait_for_rest(age=short)
        self.seconds = time.monotonic() - started
        watch.end()
        self.house.pause()
        self.samples = watch.samples
        return self._findings(watch)

    async def _storm(self, storm: Storm, scenes: list[list[Caller]]) -> None:
        chance = random.Random(self.seed)
        progress = Progress(self.rounds)
        clients = asyncio.create_task(storm.run(self.clients))
        try:
            for number in range(self.rounds):
                storm.callers = scenes[number // _ROUNDS_A_SCENE]
                await asyncio.sleep(chance.uniform(0.2, 2.0))
                target = chance.choice(list(self.house.targets))
                self.kills[target] += 1
                await asyncio.to_thread(self.house.targets[target], chance)
                progress.step()
            # The last one is served as well.
            await asyncio.sleep(1.0)
        finally:
            storm.stop()
            await clients
            progress.finish()

    def _open_scenes(self) -> list[list[Caller]]:
        chance = random.Random(f"{self.seed}/scenes")
        count = -(-self.rounds // _ROUNDS_A_SCENE)
        callers = self.house.open_scene([one for number in range(count) for one in scene(number, chance)])
        each = len(callers) // count
        return [callers[number * each : (number + 1) * each] for number in range(count)]

    def _findings(self, watch: Watch) -> Findings:
        findings = books.compare(self.house.database_url, read_journal(self.journal))
        findings.add("overshot while it ran", sorted(watch.overshot))
        spool = self.folder / "data" / "spool"
        findings.add("left in the spool", (path.name for path in spool.glob("*") if path.stat().st_size))
        odd = {status: count for status, count in self.counts.items() if status.isdigit() and status not in _EXPECTED}
        findings.add("unexpected answers", (f"status {status}: {count}" for status, count in odd.items()))
        findings.add("faults of processes", self.house.faults)
        if list(ROOT.glob("*/management/commands/verify_ledger.py")):
            findings.add("verify_ledger", verify_ledger(self.house))
        return findings


def scene(number: int, chance: random.Random) -> list[dict[str, Any]]:
    """Organizations with every kind of limit; a request costs about 35,000 nano-USD and 45 tokens."""

    def about(amount: int) -> int:
        return int(amount * chance.uniform(0.5, 1.5))

    windows = ["day", "week", "month", "lifetime"]

    def limit(measure: str, amount: int) -> dict[str, Any]:
        return {"limits": [[measure, about(amount), chance.choice(windows)]]}

    limited = {
        "name": f"Limited {number}",
        "credit": "1000",
        **limit("usd", 9_000_000),
        "projects": [
            {
                "keys": [
                    {"name": "spending limit", **limit("usd", 2_000_000)},
                    {"name": "request quota", **limit("requests", 60)},
                    {"name": "token quota", **limit("tokens", 3_000)},
                ]
            },
            {**limit("usd", 3_000_000), "keys": [{"name": "project's limit"}, {"name": "project's limit too"}]},
        ],
    }
    poor = {"name": f"Poor {number}", "credit": "0.002", "projects": [{"keys": [{"name": "small credit"}]}]}
    keys = [{"name": f"unlimited {key}"} for key in range(6)]
    return [limited, poor, {"name": f"Rich {number}", "credit": "100000", "projects": [{"keys": keys}]}]


def verify_ledger(house: House) -> list[str]:
    """What `manage.py verify_ledger` has to say, beside our own comparisons."""
    try:
        house.server.manage("verify_ledger", timeout=600)
    except AssertionError as failed:
        return [str(failed)[-2_000:] or "it failed"]
    return []


# ---------------------------------------------------------------- the report


def report(storming: Storming, findings: Findings) -> str:
    """The figures for people."""
    kind = storming.house.database_url.partition(":")[0]
    answered = len(read_journal(storming.journal))
    kills = ", ".join(f"{name} {count}" for name, count in storming.kills.most_common())
    counts = ", ".join(f"{name} {count:,}" for name, count in storming.counts.most_common())
    lines = [
        machine.describe(),
        f"{storming.rounds} rounds on {kind} in {storming.seconds:.0f} s, "
        f"{storming.clients} clients, seed {storming.seed}",
        f"killed: {kills}",
        f"{storming.counts.total():,} requests: {counts}",
        f"{answered:,} answers seen complete, {storming.house.replayed:,} settlements waited in the spool; "
        f"windows and grants looked at {storming.samples:,} times",
        *(f"{name:32}{len(found):>8,}" for name, found in findings.by_name.items()),
    ]
    for name, found in findings.by_name.items():
        lines += [f"  {name}: {text}" for text in found[:_MOST_SHOWN]]
    return "\n".join(lines)


def as_json(storming: Storming, findings: Findings) -> str:
    """The figures for programs."""
    figures = {
        "machine": machine.describe(),
        "database": storming.house.database_url.partition(":")[0],
        "seed": storming.seed,
        "rounds": storming.rounds,
        "clients": storming.clients,
        "seconds": round(storming.seconds, 1),
        "kills": storming.kills,
        "requests": storming.counts,
        "seen_complete": len(read_journal(storming.journal)),
        "replayed_from_spool": storming.house.replayed,
        "samples": storming.samples,
        "violations": {name: len(found) for name, found in findings.by_name.items()},
    }
    return json.dumps(figures, indent=2) + "\n"


def main() -> int:
    """Read the command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, help=f"kills; default {_ROUNDS}, {_SHORT_ROUNDS} with --short")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--clients", type=int, default=32, help="requests at a time")
    parser.add_argument("--postgres", action="store_true", help="four workers on PostgreSQL with Redis and Celery")
    parser.add_argument("--short", action="store_true", help="end the last leases instead of waiting for their end")
    parser.add_argument("--folder", type=Path, help="keep everything here; must be empty")
    parser.add_argument("--save", metavar="NAME", help="write the figures to benchmarks/results/NAME.json as well")
    options = parser.parse_args()
    rounds = options.rounds or (_SHORT_ROUNDS if options.short else _ROUNDS)
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        parser.error(f"{folder} is not empty")
    # A stop request must not leave servers behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    print(f"seed {options.seed}", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(provider(folder / "provider.csv", "--seed", str(options.seed)))
        house = stack.enter_context(contextlib.closing((PostgresHouse if options.postgres else SqliteHouse)(folder)))
        house.start(upstream)
        storming = Storming(house, options.seed, rounds, options.clients, folder)
        findings = storming.run(short=options.short)
    print(report(storming, findings))
    if options.save:
        (ROOT / "benchmarks" / "results" / f"{options.save}.json").write_text(as_json(storming, findings))
    if findings.number:
        print(f"Something is wrong. Everything is kept in {folder}")
    elif not options.folder:
        shutil.rmtree(folder)
    return int(findings.number > 0)


if __name__ == "__main__":
    sys.exit(main())
