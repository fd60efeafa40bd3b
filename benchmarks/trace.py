"""Rows of a production trace: how many tokens each request had and got."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One request of the trace."""

    number: int
    input: int
    output: int


def read(path: Path, limit: int | None = None) -> list[Row]:
    """The rows of a CSV file with the columns ContextTokens and GeneratedTokens, numbered from 1; raises ValueError."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(_rows(csv.DictReader(file)))
    return rows if limit is None else rows[:limit]


def _rows(reader: "csv.DictReader[str]") -> Iterator[Row]:
    missing = {"ContextTokens", "GeneratedTokens"} - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"The trace has no column {' and no column '.join(sorted(missing))}.")
    for number, row in enumerate(reader, 1):
        yield Row(number, int(row["ContextTokens"]), int(row["GeneratedTokens"]))


def sample(rows: list[Row], count: int) -> set[int]:
    """Numbers of `count` rows, evenly spread over the trace."""
    count = min(count, len(rows))
    return {rows[index * len(rows) // count].number for index in range(count)} if count else set()


def fingerprint(path: Path) -> str:
    """Tells whether an interrupted replay is continued with the same trace."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
