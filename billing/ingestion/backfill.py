"""Backfill: record every row of a file, in batches, so that it can be stopped at any moment and gone on with."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from accounts.models import Organization
from billing.ingestion import event
from billing.ingestion.attribution import Reporter
from billing.ingestion.draft import LATE
from billing.ingestion.event import Rejected, Reported
from billing.ingestion.file_rows import FileRows, append_line, sync
from billing.ingestion.mappings import MAPPINGS
from billing.ingestion.recording import CONFLICT, REJECTED, Result, ingest
from billing.models import FileImport

# Events that are recorded in one transaction; its end, for which requests of the organization wait, takes some 60 ms.
BATCH = 5_000
# Bytes of the file that were read so far.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file and how it is read; `models` renames those of the log to those of the catalog."""

    path: Path
    mapping: str
    name: str
    models: Mapping[str, str] = field(default_factory=dict)
    late: timedelta = LATE

    @property
    def label(self) -> str:
        """What its progress is kept under."""
        return f"{self.path.name} as {self.mapping} from {self.name}"[:400]

    @property
    def refused(self) -> Path:
        """Where rows that were not recorded are kept, with the reason."""
        return self.path.with_name(f"{self.path.name}.refused.jsonl")


@dataclass(slots=True)
class _Batch:
    """Events that are recorded together, with the rows from which they came."""

    items: list[Reported | Rejected] = field(default_factory=list)
    rows: list[tuple[int, Any]] = field(default_factory=list)
    passed_over: int = 0
    # Where the file was when it was complete.
    number: int = 0
    digest: str = ""
    read: int = 0


def backfill(
    organization: Organization, reporter: Reporter, source: Source, tell: Progress, *, afresh: bool = False
) -> FileImport:
    """Record what the file has; where it was stopped before, go on there. Raises UnreadableFile, OSError.

    A row that was recorded before is a duplicate, so that nothing counts twice wherever it begins.
    """
    done, _ = FileImport.objects.get_or_create(
        organization=organization, name=source.label, defaults={**_NOTHING, "digest": ""}
    )
    with FileRows(source.path) as rows:
        if not afresh and _is_known(rows, done):
            return _go_on(organization, reporter, source, rows, done, tell)
    for name, value in _NOTHING.items():
        setattr(done, name, value)
    with FileRows(source.path) as rows:
        return _go_on(organization, reporter, source, rows, done, tell)


_NOTHING = dict.fromkeys(("rows", "accepted", "duplicate", "conflict", "rejected", "passed_over"), 0)


def _is_known(rows: FileRows, done: FileImport) -> bool:
    """Whether the file begins with the rows that were recorded; they are read then."""
    if not done.rows:
        return True
    for number, _ in rows:
        if number == done.rows:
            return rows.digest == done.digest
    return False


def _go_on(
    organization: Organization,
    reporter: Reporter,
    source: Source,
    rows: FileRows,
    done: FileImport,
    tell: Progress,
) -> FileImport:
    refused: IO[bytes] | None = None
    # Looking for cycles among what nearly all goes by itself takes a seventh of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        for batch in _batches(rows, source):
            results = ingest(organization, batch.items, reporter, late=source.late) if batch.items else []
            if lines := list(_refused(batch, results)):
                refused = refused or source.refused.open("ab" if done.rejected or done.conflict else "wb")
                for line in lines:
                    append_line(refused, line)
                sync(refused)
            _save(done, batch, results)
            tell(batch.read)
            gc.collect(0)
    finally:
        if collects:
            gc.enable()
        if refused is not None:
            refused.close()
    return done


def _save(done: FileImport, batch: _Batch, results: list[Result]) -> None:
    for status, count in Counter(result.status for result in results).items():
        setattr(done, status, getattr(done, status) + count)
    done.passed_over += batch.passed_over
    done.rows, done.digest = batch.number, batch.digest
    done.save()


def _batches(rows: FileRows, source: Source) -> Iterator[_Batch]:
    batch = _Batch()
    for number, record in rows:
        items = _items(record, source)
        batch.items += items
        batch.rows += [(number, record)] * len(items)
        batch.passed_over += not items
        if len(batch.items) + batch.passed_over >= BATCH:
            yield _complete(batch, rows)
            batch = _Batch()
    if batch.items or batch.passed_over:
        yield _complete(batch, rows)


def _complete(batch: _Batch, rows: FileRows) -> _Batch:
    batch.number, batch.digest, batch.read = rows.number, rows.digest, rows.read
    return batch


def _items(record: dict[str, Any] | Rejected, source: Source) -> list[Reported | Rejected]:
    """What a row says: its events; none, when it is not about usage."""
    if isinstance(record, Rejected):
        return [record]
    try:
        found = MAPPINGS[source.mapping](record, source.name)
    except Rejected as error:
        return [error]
    return [_read(value, source) for value in found]


def _read(value: Any, source: Source) -> Reported | Rejected:
    try:
        reported = event.read(_renamed(value, source.models) if source.models else value)
    except Rejected as error:
        return error
    return reported


def _renamed(value: Any, models: Mapping[str, str]) -> Any:
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, dict) or data.get("model") not in models:
        return value
    return {**value, "data": {**data, "model": models[data["model"]]}}


def _refused(batch: _Batch, results: list[Result]) -> Iterator[dict[str, Any]]:
    for (number, record), result in zip(batch.rows, results, strict=True):
        if result.status in (REJECTED, CONFLICT):
            kept = None if isinstance(record, Rejected) else record
            yield {
                "row": number,
                "status": result.status,
                "code": result.code,
                "message": result.message,
                "param": result.param,
                "record": kept,
            }
