"""What each witness says was used: the trace, the stand-in's log, the database, the API."""

import csv
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psycopg

from benchmarks.trace import Row

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests, and tokens in and out."""

    requests: int
    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the stand-in reported for one request."""

    name: str
    input: int
    output: int
    stream: bool


def of_rows(rows: Iterable[Row]) -> Totals:
    """What the trace asks for."""
    rows = list(rows)
    return Totals(len(rows), sum(row.input for row in rows), sum(row.output for row in rows))


def reports(log: Path) -> list[Report]:
    """Every line of the stand-in's log."""
    if not log.exists():
        return []
    with log.open(newline="", encoding="utf-8") as file:
        return [Report(name, int(put), int(got), stream == "1") for name, put, got, stream in csv.reader(file)]


def of_reports(found: list[Report]) -> Totals:
    """What the stand-in reported."""
    return Totals(len(found), sum(report.input for report in found), sum(report.output for report in found))


# ---------------------------------------------------------------- the database

_EVENTS = "SELECT COUNT(*), SUM(input_tokens + cached_input_tokens), SUM(output_tokens) FROM usage_usageevent"
_SUMS = "SELECT SUM(requests), SUM(input_tokens + cached_input_tokens), SUM(output_tokens) FROM "


def of_events(database_url: str) -> Totals:
    """Usage events."""
    return _totals(query(database_url, _EVENTS))


def of_rollups(database_url: str) -> Totals:
    """Rollups and what is still to be rolled up, together."""
    folded, pending = (
        _totals(query(database_url, _SUMS + table)) for table in ("usage_usagerollup", "usage_pendingrollup")
    )
    return Totals(folded.requests + pending.requests, folded.input + pending.input, folded.output + pending.output)


def charged(database_url: str) -> int:
    """Nano-USD of all usage events."""
    return int(query(database_url, "SELECT COALESCE(SUM(charge), 0) FROM usage_usageevent")[0])


def oddities(database_url: str) -> int:
    """Usage events that are not a whole answer with the stand-in's own figures."""
    condition = "status <> 200 OR usage_source <> 'upstream' OR overrun <> 0 OR finish_reason <> 'length'"
    return int(query(database_url, f"SELECT COUNT(*) FROM usage_usageevent WHERE {condition}")[0])


def query(database_url: str, statement: str) -> tuple[Any, ...]:
    """The first row of an answer, from SQLite or PostgreSQL."""
    parts = urlsplit(database_url)
    if parts.scheme.startswith("sqlite"):
        connection = sqlite3.connect(parts.path[1:], timeout=30)
        try:
            return tuple(connection.execute(statement).fetchone())
        finally:
            connection.close()
    with psycopg.connect(database_url) as postgres:
        return tuple(postgres.execute(statement.encode()).fetchone() or ())


def _totals(row: tuple[Any, ...]) -> Totals:
    return Totals(*(int(value or 0) for value in row))


# ---------------------------------------------------------------- the API


async def of_api(url: str, secret: str, since: float) -> Totals:
    """`/v1/organization/usage/completions` of the admin key's organization, every page of it."""
    totals = Totals(0, 0, 0)
    parameters = {"start_time": str(int(since) - _DAY), "bucket_width": "1d", "limit": "31"}
    headers = {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        while True:
            async with http.get(f"{url}/v1/organization/usage/completions", params=parameters) as answer:
                answer.raise_for_status()
                page = await answer.json()
            for bucket in page["data"]:
                for result in bucket["results"]:
                    totals = Totals(
                        totals.requests + result["num_model_requests"],
                        totals.input + result["input_tokens"],
                        totals.output + result["output_tokens"],
                    )
            if not page["has_more"]:
                return totals
            parameters["page"] = page["next_page"]
