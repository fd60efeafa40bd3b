"""Fold pending rows into 15-minute buckets. Any process may run it; a row is folded once."""

from django.db import connection, transaction

from foundation.sql import placeholders

_CHUNK = 1000
_SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge")
_KEYS = "organization_id, bucket, project_id, api_key_id, model"
_FOLD = (
    f"INSERT INTO usage_usagerollup ({_KEYS}, {', '.join(_SUMS)}) "  # noqa: S608
    f"SELECT {_KEYS}, {', '.join(f'SUM({name})' for name in _SUMS)} FROM usage_pendingrollup WHERE event_id IN %s "
    f"GROUP BY {_KEYS} ORDER BY {_KEYS} ON CONFLICT ({_KEYS}) DO UPDATE SET "
    + ", ".join(f"{name} = usage_usagerollup.{name} + excluded.{name}" for name in _SUMS)
)
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
        cursor.execute("SELECT event_id FROM usage_pendingrollup ORDER BY event_id LIMIT %s", [_CHUNK])
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        cursor.execute(_FOLD.replace("%s", placeholders(len(ids)), 1), ids)
        cursor.execute(_DELETE + placeholders(len(ids)), ids)
        if cursor.rowcount != len(ids):
            # Somebody folded some of these rows meanwhile: nothing of this chunk may count.
            raise _FoldedElsewhere
        return len(ids)
