"""Fold pending rows into 15-minute buckets and spans. Any process may run it; a row is folded once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from foundation.sql import placeholders, utc
from usage.spans import OF_KEY_TOTALS, OF_KEYS, OF_PROJECTS, Level, start_of

_CHUNK = 1000
_SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge", "saved", "saved_pico")
_BUCKET = ("organization_id", "bucket", "project_id", "api_key_id", "model")
_KEY_SPAN = ("organization_id", "width", "bucket", "project_id", "api_key_id", "model")
_KEY_TOTAL = ("organization_id", "width", "bucket", "project_id", "api_key_id")
_PROJECT_SPAN = ("organization_id", "width", "bucket", "project_id", "model")
_DELETE = "DELETE FROM usage_pendingrollup WHERE event_id IN "


class _FoldedElsewhere(Exception):
    pass


def fold_pending() -> int:
    """Fold everything that is pending now, in chunks of one transaction each; the number of rows folded."""
    folded = 0
    while True:
        try:
            number = _fold_chunk()
        except _FoldedElsewhere:
            return folded
        folded += number
        if number < _CHUNK:
            return folded


def _fold_chunk() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT event_id, bucket FROM usage_pendingrollup ORDER BY event_id LIMIT %s", [_CHUNK])
        rows = cursor.fetchall()
        if not rows:
            return 0
        ids = [row[0] for row in rows]
        buckets = sorted({utc(row[1]) or row[1] for row in rows})
        # All sums in one transaction, tables and rows in one order, so that processes cannot deadlock.
        _add(cursor, "usage_usagerollup", _BUCKET, ids)
        _add(cursor, "usage_keyspan", _KEY_SPAN, ids, _places(buckets, OF_KEYS[1:]))
        _add(cursor, "usage_keytotal", _KEY_TOTAL, ids, _places(buckets, OF_KEY_TOTALS[2:]))
        _add(cursor, "usage_projectspan", _PROJECT_SPAN, ids, _places(buckets, OF_PROJECTS))
        cursor.execute(_DELETE + placeholders(len(ids)), ids)
        if cursor.rowcount != len(ids):
            # Somebody folded some of these rows meanwhile: nothing of this chunk may count.
            raise _FoldedElsewhere
        return len(ids)


def _places(buckets: Iterable[datetime], levels: Sequence[Level]) -> list[Any]:
    """Bucket, width and start of its span, for every bucket and level: parameters by threes."""
    adapt = connection.ops.adapt_datetimefield_value
    return [
        value
        for bucket in buckets
        for level in levels
        for value in (adapt(bucket), level.width, adapt(start_of(bucket, level.width)))
    ]


def _add(cursor: Any, table: str, keys: Sequence[str], ids: list[int], places: Sequence[Any] = ()) -> None:
    """Add the sums of these pending rows to the rows of `table` that `keys` tell apart."""
    source, names = "usage_pendingrollup p", {name: f"p.{name}" for name in keys}
    if places:
        values = ",".join(["(%s,%s,%s)"] * (len(places) // 3))
        source += f" JOIN (VALUES {values}) place ON p.bucket = place.column1"
        names |= {"width": "place.column2", "bucket": "place.column3"}
    by = ", ".join(names.values())
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(keys)}, {', '.join(_SUMS)}) "  # noqa: S608
        f"SELECT {by}, {', '.join(f'SUM(p.{name})' for name in _SUMS)} FROM {source} "
        f"WHERE p.event_id IN {placeholders(len(ids))} GROUP BY {by} ORDER BY {by} "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET "
        + ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _SUMS),
        [*places, *ids],
    )
