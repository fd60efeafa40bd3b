#!/usr/bin/env python
"""Two hundred requests at once on room for ten: exactly ten are answered, all others are 402.

    benchmarks/overshoot.py [--at-once 200] [--mixes 5] [--seed N] [--postgres] [--save NAME]

(a) a quota of ten requests; (b) a spending limit of ten times what one request holds, max_tokens named and used up;
(c) limits and requests of all kinds by chance: at least one is answered, no limit is ever overshot, and afterwards
single requests are answered until what is left is less than one needs. Each as JSON and as streams, on SQLite or with
four workers on PostgreSQL. The provider counts what reaches it. The exit status is 0 when all of that is so.
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
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

from benchmarks import books, machine  # noqa: E402
from benchmarks.books import Watch  # noqa: E402
from benchmarks.crowd import ANSWERED, Caller, Crowd, Journal, Request, read_journal  # noqa: E402
from benchmarks.house import House, PostgresHouse, SqliteHouse, provider  # noqa: E402
from billing import rating  # noqa: E402
from foundation.money import UnitPrices, usd_string  # noqa: E402
from gateway import tokens  # noqa: E402

# Pico-USD per token, as catalog/seed.toml sells deepseek-chat.
PRICES = UnitPrices(input=270_000, cached_input=70_000, output=1_100_000)
ROOM_FOR = 10
_REFUSED = "402"
_MAX_TOKENS = 40
_MOST_TOKENS = 60
_MOST_SINGLE = 400
# What a provider may do in (c); every one of them is an answer.
_ANSWERS = ("fast", "full", "no usage", "zero usage", "over")


@dataclass(slots=True)
class Verdict:
    """One case: how many were answered at once and then singly, and what is wrong."""

    case: str
    stream: bool
    counts: Counter[str]
    upstream: int
    singly: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def mode(self) -> str:
        return "stream" if self.stream else "JSON"

    @property
    def others(self) -> int:
        """Neither answered nor 402."""
        return self.counts.total() - self.counts[ANSWERED] - self.counts[_REFUSED]


def needs(request: Request) -> dict[str, int]:
    """What the request must find free of every measure; nano-USD, tokens, requests."""
    put = tokens.count_prompt(request.messages)
    assert request.max_tokens is not None
    amount = rating.hold(put, request.max_tokens, PRICES)
    return {"usd": amount, "tokens": put + request.max_tokens, "requests": 1}


@dataclass
class Trial:
    """The cases against one house; `log` is where the provider writes each request that reaches it."""

    house: House
    folder: Path
    at_once: int
    seed: int

    @property
    def log(self) -> Path:
        return self.folder / "provider.csv"

    @property
    def journal(self) -> Path:
        return self.folder / "seen.jsonl"

    def run(self, mixes: int) -> list[Verdict]:
        """All cases; the last verdict is on the books as a whole."""
        watch = Watch(self.house.database_url)
        watch.start()
        options = ("--seed", str(self.seed))
        verdicts = []
        with contextlib.closing(Journal(self.journal)) as journal:
            with provider(self.log, *options, "--behaviour", "full") as upstream:
                self.house.start(upstream)
                for case in (self._requests, self._spending):
                    verdicts += [asyncio.run(case(journal, stream)) for stream in (False, True)]
            with provider(self.log, *options, *(f"--behaviour={name}" for name in _ANSWERS)) as upstream:
                self.house.connect(upstream)
                for number in range(mixes):
                    verdicts += [asyncio.run(self._mix(journal, number, stream)) for stream in (False, True)]
            watch.end()
            self.house.pause()
        return [*verdicts, self._books(watch)]

    # ---------------------------------------------------------------- the cases

    async def _requests(self, journal: Journal, stream: bool) -> Verdict:
        caller = self._one_key()
        await asyncio.to_thread(self._limit, caller, "--requests", str(ROOM_FOR))
        return await self._exactly("(a) requests", journal, caller, stream)

    async def _spending(self, journal: Journal, stream: bool) -> Verdict:
        caller = self._one_key()
        one = needs(Request("", caller, stream, _MAX_TOKENS))["usd"]
        await asyncio.to_thread(self._limit, caller, "--amount", usd_string(ROOM_FOR * one))
        verdict = await self._exactly("(b) spending", journal, caller, stream)
        left = min(left for measure, left in books.room(self.house.database_url, caller.key) if measure == "usd")
        if left:
            verdict.problems.append(f"{usd_string(left)} USD of the limit are left")
        return verdict

    async def _exactly(self, case: str, journal: Journal, caller: Caller, stream: bool) -> Verdict:
        requests = [Request(f"{case} {number}", caller, stream, _MAX_TOKENS) for number in range(self.at_once)]
        verdict = await self._all_at_once(case, journal, requests)
        if (verdict.counts[ANSWERED], verdict.upstream) != (ROOM_FOR, ROOM_FOR):
            verdict.problems.append(f"answered and asked of the provider must be {ROOM_FOR}")
        return verdict

    async def _mix(self, journal: Journal, number: int, stream: bool) -> Verdict:
        chance = random.Random(f"{self.seed}/{number}/{stream}")
        case = f"(c) mix {number + 1}"
        callers = await asyncio.to_thread(self.house.open_scene, [mix(f"{case} {stream}", chance)])
        # Who names no maximum takes all that is left for a while.
        unnamed = chance.choice((0.0, 0.01, 0.2))
        requests = [
            Request(
                f"{number}/{stream}/{one}",
                chance.choice(callers),
                stream,
                None if chance.random() < unnamed else chance.randint(1, _MOST_TOKENS),
            )
            for one in range(self.at_once)
        ]
        verdict = await self._all_at_once(case, journal, requests)
        if not verdict.counts[ANSWERED]:
            verdict.problems.append("none was answered")
        await self._singly(verdict, journal, chance.choice(callers), chance)
        return verdict

    async def _all_at_once(self, case: str, journal: Journal, requests: list[Request]) -> Verdict:
        crowd = Crowd(self.house.url, journal)
        before = self._asked()
        async with crowd.session() as http:
            await asyncio.gather(*(crowd.ask(http, request) for request in requests))
        verdict = Verdict(case, requests[0].stream, crowd.counts, self._asked() - before)
        if verdict.others:
            said = {status: text for status, text in crowd.said.items() if status != _REFUSED}
            verdict.problems.append(f"neither answered nor 402: {dict(crowd.counts)}, {said}")
        if verdict.upstream != verdict.counts[ANSWERED]:
            verdict.problems.append(f"{verdict.upstream} requests reached the provider")
        return verdict

    async def _singly(self, verdict: Verdict, journal: Journal, caller: Caller, chance: random.Random) -> None:
        """One request after the other: answered exactly as long as every limit has what it needs."""
        crowd = Crowd(self.house.url, journal)
        async with crowd.session() as http:
            for number in range(_MOST_SINGLE):
                size = chance.randint(1, _MOST_TOKENS)
                request = Request(f"{verdict.case} {verdict.mode} {number}", caller, verdict.stream, size)
                wanted = needs(request)
                left = await asyncio.to_thread(books.room, self.house.database_url, caller.key)
                fits = all(free >= wanted[measure] for measure, free in left)
                ended = await crowd.ask(http, request)
                if ended != (ANSWERED if fits else _REFUSED):
                    verdict.problems.append(f"a single request ended as {ended}: needs {wanted}, left is {left}")
                if not fits:
                    break
        verdict.singly = crowd.counts[ANSWERED]

    def _books(self, watch: Watch) -> Verdict:
        verdict = Verdict("all books", stream=False, counts=Counter(), upstream=0)
        findings = books.compare(self.house.database_url, read_journal(self.journal))
        findings.add("overshot while it ran", sorted(watch.overshot))
        findings.add("faults of processes", self.house.faults)
        verdict.problems = [f"{name}: {text}" for name, found in findings.by_name.items() for text in found]
        return verdict

    # ---------------------------------------------------------------- what they need

    def _one_key(self) -> Caller:
        name = f"Key {random.SystemRandom().randrange(10**9)}"
        projects = [{"keys": [{"name": "key"}]}]
        [caller] = self.house.open_scene([{"name": name, "credit": "1000", "projects": projects}])
        return caller

    def _limit(self, caller: Caller, *terms: str) -> None:
        self.house.server.manage("set_limit", "--key", caller.key, *terms, "--window", "lifetime")

    def _asked(self) -> int:
        return self.log.read_bytes().count(b"\n")


def mix(name: str, chance: random.Random) -> dict[str, Any]:
    """An organization with limits by chance, each with room for at least one request."""
    largest = needs(Request("", Caller("", "", "", "", ""), False, _MOST_TOKENS))

    def limits(likely: float) -> dict[str, Any]:
        return {
            "limits": [
                [measure, one * chance.randint(1, 40) + chance.randrange(one), "lifetime"]
                for measure, one in largest.items()
                if chance.random() < likely
            ]
        }

    credit = largest["usd"] * chance.randint(5, 100)
    projects = [
        {**limits(0.4), "keys": [{"name": f"key {project}.{key}", **limits(0.4)} for key in range(2)]}
        for project in range(2)
    ]
    return {"name": name, "credit": usd_string(credit), **limits(0.4), "projects": projects}


# ---------------------------------------------------------------- the report


def report(trial: Trial, verdicts: list[Verdict]) -> str:
    """The table for people."""
    kind = trial.house.database_url.partition(":")[0]
    lines = [
        machine.describe(),
        f"{trial.at_once} at once on {kind}, seed {trial.seed}",
        f"{'':16}{'mode':8}{'answered':>10}{'402':>8}{'other':>8}{'upstream':>10}{'then singly':>13}",
    ]
    for one in verdicts[:-1]:
        figures = f"{one.counts[ANSWERED]:>10,}{one.counts[_REFUSED]:>8,}{one.others:>8,}{one.upstream:>10,}"
        lines.append(f"{one.case:16}{one.mode:8}{figures}{one.singly:>13,}")
    lines += [f"  {one.case} {one.mode}: {problem}" for one in verdicts for problem in one.problems]
    lines.append("NOT as it must be" if any(one.problems for one in verdicts) else "all as it must be; the books agree")
    return "\n".join(lines)


def as_json(trial: Trial, verdicts: list[Verdict]) -> str:
    """The figures for programs."""
    cases = [
        {
            "case": one.case,
            "mode": one.mode,
            "answered": one.counts[ANSWERED],
            "refused": one.counts[_REFUSED],
            "others": one.others,
            "upstream": one.upstream,
            "singly": one.singly,
            "problems": one.problems,
        }
        for one in verdicts
    ]
    figures = {
        "machine": machine.describe(),
        "database": trial.house.database_url.partition(":")[0],
        "seed": trial.seed,
        "at_once": trial.at_once,
        "cases": cases,
    }
    return json.dumps(figures, indent=2) + "\n"


def main() -> int:
    """Read the command line; 1 when a limit was overshot or a request ended otherwise than it must."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--mixes", type=int, default=5, help="how often (c) is tried")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--postgres", action="store_true", help="four workers on PostgreSQL with Redis and Celery")
    parser.add_argument("--save", metavar="NAME", help="write the figures to benchmarks/results/NAME.json as well")
    options = parser.parse_args()
    # A stop request must not leave servers behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="overshoot-"))
    made: Callable[[Path], House] = PostgresHouse if options.postgres else SqliteHouse
    with contextlib.closing(made(folder)) as house:
        trial = Trial(house, folder, options.at_once, options.seed)
        verdicts = trial.run(options.mixes)
    print(report(trial, verdicts))
    if options.save:
        (ROOT / "benchmarks" / "results" / f"{options.save}.json").write_text(as_json(trial, verdicts))
    failed = any(one.problems for one in verdicts)
    if failed:
        print(f"Everything is kept in {folder}")
    else:
        shutil.rmtree(folder)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
