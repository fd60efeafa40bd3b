"""Reads the database beside the server and compares everything in it with everything else: plain SQL, no Django.

Every comparison gives a list of what is wrong, in words; an empty list is what it should be.
"""

import contextlib
import json
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import psycopg

from benchmarks.crowd import Seen

_SAMPLE_SECONDS = 0.05
_OVERSHOT_WINDOWS = """
    SELECT w.id, w.settled, w.held, l.amount
    FROM billing_spendingwindow w JOIN billing_spendinglimit l ON l.id = w.limit_id
    WHERE w.settled < 0 OR w.held < 0 OR (l.is_hard AND w.settled + w.held > l.amount)"""
_OVERSHOT_GRANTS = """
    SELECT id, burned, held, amount FROM billing_creditgrant
    WHERE burned < 0 OR held < 0 OR burned + held > amount"""
_ACTIVE = "SELECT COUNT(*) FROM billing_hold WHERE state = 'active'"


class Books(Protocol):
    """One consistent view of the database."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()


class _Postgres:
    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.encode()).fetchall()


@contextlib.contextmanager
def opened(database_url: str) -> Iterator[Books]:
    """A transaction that sees one moment; what it changes is committed at its end."""
    parts = urlsplit(database_url)
    if parts.scheme.startswith("sqlite"):
        connection = sqlite3.connect(parts.path[1:], timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN")
            yield _Sqlite(connection)
            connection.execute("COMMIT")
        finally:
            connection.close()
        return
    with psycopg.connect(database_url, connect_timeout=10) as postgres:
        postgres.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield _Postgres(postgres)


def active_holds(database_url: str) -> int:
    """Holds that nobody has ended."""
    with opened(database_url) as books:
        return int(books.rows(_ACTIVE)[0][0])


def end_leases(database_url: str) -> None:
    """Let every active hold be as old as that of a process that died long ago."""
    with opened(database_url) as books:
        books.rows("UPDATE billing_hold SET lease_until = '2020-01-01 00:00:00' WHERE state = 'active' RETURNING id")


def room(database_url: str, key: str) -> list[tuple[str, int]]:
    """What every limit on the key, its project and its organization has left, by measure; credit as usd (nano-USD)."""
    limits = f"""
        SELECT l.measure, l.amount - COALESCE(w.settled + w.held, 0) FROM accounts_apikey k
        JOIN billing_spendinglimit l ON l.api_key_id = k.id OR l.project_id = k.project_id
            OR (l.organization_id = k.organization_id AND l.project_id IS NULL AND l.api_key_id IS NULL)
        LEFT JOIN billing_spendingwindow w ON w.limit_id = l.id
        WHERE k.public_id = '{key}'"""
    credit = f"""
        SELECT 'usd', SUM(g.amount - g.burned - g.held) FROM accounts_apikey k
        JOIN billing_creditgrant g ON g.organization_id = k.organization_id WHERE k.public_id = '{key}'"""
    with opened(database_url) as books:
        return [(measure, int(left)) for measure, left in books.rows(limits) + books.rows(credit)]


# ---------------------------------------------------------------- while it runs


class Watch(threading.Thread):
    """Looks at every window and grant twenty times a second; `overshot` is what it ever saw."""

    def __init__(self, database_url: str) -> None:
        super().__init__(name="watch", daemon=True)
        self._database_url = database_url
        self._ending = threading.Event()
        self.samples = 0
        self.overshot: set[str] = set()

    def run(self) -> None:
        while not self._ending.is_set():
            # The database is killed now and then.
            with contextlib.suppress(psycopg.Error, sqlite3.Error), opened(self._database_url) as books:
                self._look(books)
            self._ending.wait(_SAMPLE_SECONDS)

    def _look(self, books: Books) -> None:
        self.overshot.update(overshot(books))
        self.samples += 1

    def end(self) -> None:
        """Stop and wait."""
        self._ending.set()
        self.join(60)


def overshot(books: Books) -> list[str]:
    """Windows and grants that are used beyond what they allow."""
    windows = [
        f"window {pk}: {settled} settled and {held} held of {amount}"
        for pk, settled, held, amount in books.rows(_OVERSHOT_WINDOWS)
    ]
    grants = [
        f"grant {pk}: {burned} burned and {held} held of {amount}"
        for pk, burned, held, amount in books.rows(_OVERSHOT_GRANTS)
    ]
    return windows + grants


# ---------------------------------------------------------------- at rest


@dataclass(slots=True)
class Findings:
    """What is wrong, by the name of the comparison; every comparison that was made is there."""

    by_name: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, found: Iterable[str]) -> None:
        self.by_name.setdefault(name, []).extend(found)

    @property
    def number(self) -> int:
        return sum(map(len, self.by_name.values()))


def compare(database_url: str, seen: list[Seen]) -> Findings:
    """All comparisons of a database at rest, and with what clients saw complete."""
    findings = Findings()
    with opened(database_url) as books:
        _compare_seen(books, seen, findings)
        findings.add("recorded twice", _twice(books))
        findings.add("overshot", overshot(books))
        findings.add("held at rest", _held(books))
        findings.add("holds unlike events", _holds(books))
        findings.add("windows unlike events", _windows(books))
        findings.add("grants unlike ledger", _grants(books))
        findings.add("ledger off zero", _ledger(books))
        findings.add("rollups unlike events", _rollups(books))
    return findings


def _compare_seen(books: Books, seen: list[Seen], findings: Findings) -> None:
    """What was seen complete is recorded once, with the tokens that the client was told."""
    events: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for request_id, put, cached, got in books.rows(
        "SELECT request_id, input_tokens, cached_input_tokens, output_tokens FROM usage_usageevent"
    ):
        events[request_id].append((put + cached, got))
    findings.add("completed, unrecorded", (one.request_id for one in seen if one.request_id not in events))
    findings.add(
        "recorded otherwise than seen",
        (
            f"{one.request_id}: seen {one.input} + {one.output}, recorded {events[one.request_id]}"
            for one in seen
            if one.input is not None and any(event != (one.input, one.output) for event in events[one.request_id])
        ),
    )
    findings.add("seen twice", (name for name, count in Counter(one.request_id for one in seen).items() if count > 1))


def _twice(books: Books) -> list[str]:
    sql = "SELECT request_id, COUNT(*) FROM usage_usageevent GROUP BY request_id HAVING COUNT(*) > 1"
    return [f"{request_id}: {count} events" for request_id, count in books.rows(sql)]


def _held(books: Books) -> list[str]:
    holds = books.rows("SELECT id, request_id FROM billing_hold WHERE state = 'active'")
    windows = books.rows("SELECT id, held FROM billing_spendingwindow WHERE held <> 0")
    grants = books.rows("SELECT id, held FROM billing_creditgrant WHERE held <> 0")
    return [
        *(f"hold {pk} of {request_id} is active" for pk, request_id in holds),
        *(f"window {pk}: {held} held" for pk, held in windows),
        *(f"grant {pk}: {held} held" for pk, held in grants),
    ]


def _holds(books: Books) -> list[str]:
    """A settled hold has one event of the same id and at most its amount, any other has none."""
    sql = """
        SELECT h.id, h.state, h.amount, e.charge FROM billing_hold h LEFT JOIN usage_usageevent e ON e.id = h.id
        WHERE (h.state IN ('settled', 'recovered')) <> (e.id IS NOT NULL) OR e.charge > h.amount
           OR e.request_id <> h.request_id"""
    lost = "SELECT e.id FROM usage_usageevent e LEFT JOIN billing_hold h ON h.id = e.id WHERE h.id IS NULL"
    return [
        *(f"hold {pk} is {state}, {amount} held, {charge} charged" for pk, state, amount, charge in books.rows(sql)),
        *(f"event {pk} has no hold" for (pk,) in books.rows(lost)),
    ]


def _windows(books: Books) -> list[str]:
    """Every window has settled what the events of its holds used, in its measure and at most what was held."""
    expected: Counter[int] = Counter()
    sql = """
        SELECT h.window_legs, e.charge, e.input_tokens + e.cached_input_tokens + e.output_tokens
        FROM billing_hold h JOIN usage_usageevent e ON e.id = h.id WHERE h.window_legs <> '[]'"""
    for legs, charge, used in books.rows(sql):
        for window_id, measure, amount in json.loads(legs):
            expected[window_id] += min(amount, {"usd": charge, "tokens": used}.get(measure, 1))
    found = books.rows("SELECT id, settled - opening FROM billing_spendingwindow")
    return [
        f"window {pk}: {settled} settled, its events have {expected[pk]}"
        for pk, settled in found
        if settled != expected[pk]
    ]


def _grants(books: Books) -> list[str]:
    sql = """
        SELECT g.id, g.amount - g.burned, COALESCE(SUM(e.amount), 0) FROM billing_creditgrant g
        LEFT JOIN billing_ledgerentry e ON e.grant_id = g.id AND e.account = 'credit'
        GROUP BY g.id, g.amount, g.burned HAVING g.amount - g.burned <> COALESCE(SUM(e.amount), 0)"""
    return [f"grant {pk}: {left} left, {posted} posted" for pk, left, posted in books.rows(sql)]


def _ledger(books: Books) -> list[str]:
    """Every transaction sums to zero; what an event charged is posted once as revenue."""
    off = 'SELECT "transaction", SUM(amount) FROM billing_ledgerentry GROUP BY "transaction" HAVING SUM(amount) <> 0'
    posted = """
        SELECT e.id, e.charge, COALESCE(SUM(l.amount), 0) FROM usage_usageevent e
        LEFT JOIN billing_ledgerentry l ON l.event_id = e.id AND l.account = 'revenue'
        GROUP BY e.id, e.charge HAVING e.charge <> COALESCE(SUM(l.amount), 0)"""
    return [
        *(f"transaction {name} sums to {amount}" for name, amount in books.rows(off)),
        *(f"event {pk}: {charge} charged, {revenue} posted" for pk, charge, revenue in books.rows(posted)),
    ]


def _rollups(books: Books) -> list[str]:
    """rollup + pending = events, for every key and model."""
    keys = "organization_id, project_id, api_key_id, model"
    totals: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * 5)
    sources = (("usage_usageevent", -1), ("usage_usagerollup", 1), ("usage_pendingrollup", 1))
    for table, sign in sources:
        requests = "COUNT(*)" if table == "usage_usageevent" else "SUM(requests)"
        sums = f"{requests}, SUM(input_tokens), SUM(cached_input_tokens), SUM(output_tokens), SUM(charge)"
        for row in books.rows(f"SELECT {keys}, {sums} FROM {table} GROUP BY {keys}"):
            totals[row[:4]] = [had + sign * int(more) for had, more in zip(totals[row[:4]], row[4:], strict=True)]
    return [f"key {key[2]}, {key[3]}: off by {off}" for key, off in totals.items() if any(off)]
