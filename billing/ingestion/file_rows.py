"""Rows of a file of usage: CSV with a header, or JSON Lines; both also compressed with gzip."""

import csv
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from billing.ingestion.event import Rejected

# A row longer than this is no row of usage.
_LONGEST = 1 << 20


class FileRows:
    """Iterates over (row number from 1, record or Rejected); `read` and `size` are bytes on the disk.

    `digest` says which rows have been given so far: by it a later run knows that they are the same.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.number = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self._raw: IO[bytes] = path.open("rb")
        self._lines: Any = gzip.GzipFile(fileobj=self._raw) if path.suffix == ".gz" else self._raw
        self._is_table = path.name.removesuffix(".gz").lower().endswith(".csv")

    def __enter__(self) -> "FileRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    @property
    def digest(self) -> str:
        """Of every byte that was read, hexadecimal."""
        return self._hash.hexdigest()

    @property
    def read(self) -> int:
        """Bytes of the file that were read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
        for record in self._table() if self._is_table else self._objects():
            self.number += 1
            yield self.number, record

    def _texts(self) -> Iterator[str]:
        while line := self._line():
            self._hash.update(line)
            if len(line) > _LONGEST:
                raise UnreadableFile(f"A line is longer than {_LONGEST:,} bytes: this is not a file of usage.")
            yield line.decode("utf-8-sig", "replace")

    def _line(self) -> bytes:
        try:
            line: bytes = self._lines.readline(_LONGEST + 1)
        except (EOFError, zlib.error) as error:
            raise UnreadableFile(
                "The compressed file breaks off or is damaged. Copy it again, whole, and repeat the command."
            ) from error
        return line

    def _objects(self) -> Iterator[dict[str, Any] | Rejected]:
        for line in self._texts():
            if not line.strip():
                continue
            if self.number == 0 and line.lstrip().startswith("["):
                raise UnreadableFile("This is one JSON array. Write an object a line: jq -c '.[]' FILE > FILE.jsonl")
            yield _object(line)

    def _table(self) -> Iterator[dict[str, Any] | Rejected]:
        rows = csv.reader(self._texts(), strict=True)
        try:
            header = next(rows, None)
            if not header or not all(header) or len(set(header)) != len(header):
                raise UnreadableFile("The first line must name every column, each once.")
            for row in rows:
                if row:
                    yield _row(header, row)
        except csv.Error as error:
            raise UnreadableFile(f"Line {rows.line_num}: {error}. Nothing after it was read.") from error


class UnreadableFile(ValueError):
    """Not a file that can be read on; the message says why and what to do."""


def _object(line: str) -> dict[str, Any] | Rejected:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Rejected("invalid_event", "The line is not JSON.")
    return value if isinstance(value, dict) else Rejected("invalid_event", "The line is not a JSON object.")


def _row(header: list[str], row: list[str]) -> dict[str, Any] | Rejected:
    if len(row) != len(header):
        return Rejected("invalid_event", f"The row has {len(row)} cells, the header {len(header)}.")
    return dict(zip(header, row, strict=True))


def append_line(file: IO[bytes], value: Any) -> None:
    """A JSON line, not yet on the disk: see `sync`."""
    file.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def sync(file: IO[bytes]) -> None:
    """On the disk now."""
    file.flush()
    os.fsync(file.fileno())
