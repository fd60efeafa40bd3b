"""Count what was refused. A refusal for money is counted in the transaction that refuses; others a moment later."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from accounts.principal import Principal
from billing.admission import Answer
from billing.models import RefusedRequest
from billing.moment import Moment
from billing.terms import Ask, Refusal, RefusalNote
from foundation.sql import Cursor, batch_cursor

_KEPT_A_KEY = 100
_COUNT = (
    "INSERT INTO billing_refusalcount (api_key_id, minute, code, model, project_id, organization_id, count) "
    "VALUES (%s,%s,%s,%s,%s,%s,%s) "
    "ON CONFLICT (api_key_id, minute, code, model, project_id, organization_id) "
    "DO UPDATE SET count = billing_refusalcount.count + excluded.count"
)
QUOTA = "insufficient_quota"
# What stands for a model that does not exist: its name is the caller's text.
UNKNOWN_MODEL = "unknown"
_UNKNOWN = frozenset({"model_not_found"})


def count(cursor: Cursor, asks: list[Ask], answers: list[Answer], moment: Moment) -> None:
    """Count the refusals for money of one batch."""
    refused = (
        (answer.principal, ask.model, QUOTA)
        for ask, answer in zip(asks, answers, strict=True)
        if isinstance(answer, Refusal) and answer.kind == QUOTA and answer.principal
    )
    _add(cursor, refused, moment.now)


def record(notes: list[RefusalNote]) -> None:
    """Keep the newest refusals in full, and count those that admission did not count."""
    kept: dict[int, int] = Counter()
    rows = []
    for note in reversed(notes):
        kept[note.principal.key_id] += 1
        if kept[note.principal.key_id] <= _KEPT_A_KEY:
            rows.append(_row(note))
    by_minute: dict[datetime, list[tuple[Principal, str, str]]] = {}
    for note in notes:
        if note.code != QUOTA:
            model = UNKNOWN_MODEL if note.code in _UNKNOWN else note.model
            by_minute.setdefault(_minute(note.at), []).append((note.principal, model, note.code))
    with transaction.atomic(), batch_cursor() as cursor:
        for minute, refused in sorted(by_minute.items()):
            _add(cursor, refused, minute)
        RefusedRequest.objects.bulk_create(reversed(rows))


def forget_old() -> int:
    """Delete all but the newest refusals of every key; how many were deleted. Any process may run it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM billing_refusedrequest WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER "
            "(PARTITION BY api_key_id ORDER BY id DESC) AS place FROM billing_refusedrequest) ranked WHERE place > %s)",
            [_KEPT_A_KEY],
        )
        return int(cursor.rowcount)


def _add(cursor: Cursor, refused: Iterable[tuple[Principal, str, str]], at: datetime) -> None:
    counts = Counter((who.key_id, code, model, who.project_id, who.organization_id) for who, model, code in refused)
    if not counts:
        return
    minute = connection.ops.adapt_datetimefield_value(_minute(at))
    # In one order, so that processes cannot deadlock.
    for (key_id, code, model, project_id, organization_id), number in sorted(counts.items()):
        cursor.execute(_COUNT, [key_id, minute, code, model, project_id, organization_id, number])


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _row(note: RefusalNote) -> RefusedRequest:
    return RefusedRequest(
        organization_id=note.principal.organization_id,
        api_key_id=note.principal.key_id,
        request_id=note.request_id,
        model=note.model[:100],
        code=note.code[:40],
        message=note.message[:2000],
        at=note.at or timezone.now(),
    )
