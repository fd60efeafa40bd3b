"""Seal each day of the books when it can no longer change: a hash of its events and ledger entries and the last seal.

A day is of UTC, an event of the day of its admission or, when it was ingested, of its batch's arrival. Events and
entries are written as lines of JSON with instants in UTC, so that both databases give the same hash.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from django.db import connection
from django.utils import timezone

from billing.models import NO_SEAL, Account, DaySeal, Hold, IngestionBatch
from foundation.keyset import pages, quoted
from foundation.periods import iso
from foundation.sql import instant, placeholders, utc
from usage.models.event import CORRECTIONS

log = logging.getLogger(__name__)
# Clocks of other processes may be behind; nothing is admitted with an instant so old.
MARGIN = timedelta(hours=2)
_DAY = timedelta(days=1)
# A day that is under way is finished; others wait for the next call.
_MOST_SECONDS = 5.0
_TITLE = "meterhouse day seal 1"
_EVENT = (
    "id", "organization_id", "project_id", "api_key_id", "secret_id", "user_id", "provider_id", "request_id", "model",
    "occurred_at", "first_token_ms", "duration_ms", "stream", "status", "error_code", "finish_reason", "usage_source",
    "input_tokens", "cached_input_tokens", "output_tokens", "input_price", "cached_input_price", "output_price",
    "price_ids", "charge", "overrun",
)  # fmt: skip
_INGESTED = (*_EVENT, "source", "external_id", "digest", "batch_id")
_BATCH = (
    "id", "organization_id", "api_key_id", "user_id", "received_at", "first_event_id", "last_event_id", "events",
    "charge", "window_legs",
)  # fmt: skip
_CORRECTION = ("id", "event_id", "kind", "said_at", "input_tokens", "cached_input_tokens", "output_tokens")
_ENTRY = ("id", "transaction", "account", "organization_id", "amount", "grant_id", "event_id", "at")
_EVENT_SUMS = ("input_tokens", "cached_input_tokens", "output_tokens", "charge", "overrun")
_PLACES = [(name, _EVENT.index(name)) for name in _EVENT_SUMS]
_SOURCE = _EVENT.index("usage_source")
_ACCOUNT, _AMOUNT = _ENTRY.index("account"), _ENTRY.index("amount")
_Row = tuple[Any, ...]


@dataclass(slots=True)
class Content:
    """What a seal says of its day; tokens, nano-USD."""

    first_event_id: int | None = None
    last_event_id: int | None = None
    events: int = 0
    entries: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    charge: int = 0
    overrun: int = 0
    credit: int = 0
    hash: str = ""


CONTENT = tuple(Content.__slots__)


def seal_days(now: datetime | None = None) -> int:
    """Seal every day that is over, oldest first; the number of days sealed. Any process may run it."""
    now = now or timezone.now()
    ends = time.monotonic() + _MOST_SECONDS
    sealed = 0
    while time.monotonic() < ends:
        last = DaySeal.objects.first()
        day = last.day + _DAY if last else _first_day()
        if day is None or not _is_over(day, now):
            break
        content = read(day, last.hash if last else NO_SEAL, is_first=last is None)
        previous_hash = last.hash if last else NO_SEAL
        values = {name: getattr(content, name) for name in CONTENT}
        made = DaySeal(day=day, previous_hash=previous_hash, sealed_at=now, **values)
        # Whoever else sealed the day meanwhile read the same.
        DaySeal.objects.bulk_create([made], ignore_conflicts=True)
        sealed += 1
    if sealed:
        log.info("sealed %d days", sealed)
    return sealed


def read(day: date, previous_hash: str, *, is_first: bool) -> Content:
    """Recompute what the seal of a day says. The first seal takes in all that is older than its day."""
    start = _start(day)
    content = Content()
    digest = hashlib.sha256(f"{_TITLE}\n{day}\n{previous_hash}\n".encode())
    for events in _events(None if is_first else start, start + _DAY):
        _add_events(content, events)
        digest.update(_lines("event", events))
        entries = _entries_of(events)
        _add_entries(content, entries)
        digest.update(_lines("entry", entries))
    for batches in _batches(None if is_first else start, start + _DAY):
        _add_batches(content, batches, digest)
    for entries in _other_entries(None if is_first else start, start + _DAY):
        _add_entries(content, entries)
        digest.update(_lines("entry", entries))
    sums = [getattr(content, name) for name in CONTENT if name != "hash"]
    digest.update(orjson.dumps(["sums", *sums]))
    content.hash = digest.hexdigest()
    return content


def _first_day() -> date | None:
    """The day of the first request or batch: without usage there is nothing to seal."""
    admitted = Hold.objects.order_by("admitted_at").values_list("admitted_at", flat=True).first()
    received = IngestionBatch.objects.order_by("received_at").values_list("received_at", flat=True).first()
    return min((at.astimezone(UTC).date() for at in (admitted, received) if at), default=None)


def _add_batches(content: Content, batches: list[_Row], digest: "hashlib._Hash") -> None:
    """Each batch, its events with what they correct, and its ledger entries."""
    digest.update(_lines("batch", batches))
    first, last = _BATCH.index("first_event_id"), _BATCH.index("last_event_id")
    for batch in batches:
        where = "batch_id = %s AND id >= %s AND id <= %s"
        for events in pages("usage_usageevent", _INGESTED, ["id"], where, [batch[0], batch[first], batch[last]]):
            _add_events(content, events)
            digest.update(_lines("ingested", events))
            corrections = [event[0] for event in events if event[_SOURCE] in CORRECTIONS]
            if corrections:
                digest.update(
                    _lines("correction", sorted(_select("billing_correction", _CORRECTION, "id", corrections)))
                )
    entries = sorted(_select("billing_ledgerentry", _ENTRY, "transaction", [f"ingest:{batch[0]}" for batch in batches]))
    _add_entries(content, entries)
    digest.update(_lines("entry", entries))


def _batches(since: datetime | None, until: datetime) -> Iterator[list[_Row]]:
    where, params = _between("received_at", since, until)
    yield from pages("billing_ingestionbatch", _BATCH, ("received_at", "id"), where, params)


def _is_over(day: date, now: datetime) -> bool:
    """Whether the day ended long enough ago and all of its requests have ended too."""
    end = _start(day) + _DAY
    return end + MARGIN < now and not Hold.objects.filter(state="active", admitted_at__lt=end).exists()


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _events(since: datetime | None, until: datetime) -> Iterator[list[_Row]]:
    """Events by admission: found by their holds, which are indexed by it."""
    where, params = _between("admitted_at", since, until)
    for holds in pages("billing_hold", ("admitted_at", "id"), ("admitted_at", "id"), where, params):
        rows = {row[0]: row for row in _select("usage_usageevent", _EVENT, "id", [pk for _, pk in holds])}
        if events := [rows[pk] for _, pk in holds if pk in rows]:
            yield events


def _entries_of(events: Sequence[_Row]) -> list[_Row]:
    return sorted(_select("billing_ledgerentry", _ENTRY, "transaction", [f"event:{event[0]}" for event in events]))


def _other_entries(since: datetime | None, until: datetime) -> Iterator[list[_Row]]:
    """Entries that no request made, in the order of their own index."""
    where, params = _between("at", since, until)
    keys = ("organization_id", "at", "id")
    yield from pages("billing_ledgerentry", _ENTRY, keys, f"event_id IS NULL AND {where}", params)


def _between(column: str, since: datetime | None, until: datetime) -> tuple[str, list[Any]]:
    if since is None:
        return f'"{column}" < %s', [instant(until)]
    return f'"{column}" >= %s AND "{column}" < %s', [instant(since), instant(until)]


def _select(table: str, columns: Sequence[str], key: str, values: Sequence[Any]) -> list[_Row]:
    sql = f'SELECT {quoted(columns)} FROM {table} WHERE "{key}" IN {placeholders(len(values))}'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _add_events(content: Content, events: Sequence[_Row]) -> None:
    ids = [event[0] for event in events]
    content.first_event_id = min(ids) if content.first_event_id is None else min(content.first_event_id, *ids)
    content.last_event_id = max(ids) if content.last_event_id is None else max(content.last_event_id, *ids)
    content.events += len(events)
    for name, place in _PLACES:
        setattr(content, name, getattr(content, name) + sum(event[place] for event in events))


def _add_entries(content: Content, entries: Sequence[_Row]) -> None:
    content.entries += len(entries)
    content.credit += sum(entry[_AMOUNT] for entry in entries if entry[_ACCOUNT] == Account.CREDIT)


def _lines(kind: str, rows: Sequence[_Row]) -> bytes:
    return b"".join(orjson.dumps([kind, *map(_plain, row)]) + b"\n" for row in rows)


def _plain(value: Any) -> Any:
    return iso(utc(value) or value) if isinstance(value, datetime) else value
