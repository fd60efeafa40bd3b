"""Alerts: a threshold is reached once a window and version of the limit, in the transaction that causes it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from billing import windows
from billing.models import AlertReason, OutboxMessage, SpendingWindow
from foundation.ids import public_id
from foundation.periods import iso
from foundation.sql import batch_cursor

# Two processes may cause the same alert: one of them inserts it.
_INSERT = (
    "INSERT INTO billing_alert (organization_id, limit_id, window_id, limit_version, threshold, reason, amount, "
    "settled, held, created_at) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s) "
    "ON CONFLICT (window_id, limit_version, threshold) DO NOTHING RETURNING id"
)
FULL = 100
REACHED = "limit.reached"
THRESHOLD_REACHED = "limit.threshold_reached"


def tell(reached: Iterable[int], refused: Iterable[int], now: datetime) -> None:
    """Write the alerts of these windows and what tells them outside: `reached` crossed a threshold by what was
    settled, `refused` had no room for a request.
    """
    reached, refused = set(reached), set(refused)
    found = SpendingWindow.objects.select_related("limit__organization", "limit__project", "limit__api_key").filter(
        pk__in=reached | refused
    )
    # In one order, so that processes cannot deadlock.
    for window in found.order_by("pk"):
        _tell(window, window.pk in refused, now)


def _tell(window: SpendingWindow, was_refused: bool, now: datetime) -> None:
    limit = window.limit
    due = [percent for percent in sorted(limit.thresholds) if _is_reached(window, percent)]
    for percent in due:
        _insert(window, percent, AlertReason.THRESHOLD, now)
    if was_refused and FULL in limit.thresholds and FULL not in due:
        _insert(window, FULL, AlertReason.REFUSAL, now)
    following = windows.next_alert(limit.amount, limit.thresholds, window.settled)
    if following != window.next_alert:
        SpendingWindow.objects.filter(pk=window.pk).update(next_alert=following)


def _is_reached(window: SpendingWindow, percent: int) -> bool:
    limit = window.limit
    return 0 < limit.amount * percent <= window.settled * 100


def _insert(window: SpendingWindow, percent: int, reason: AlertReason, now: datetime) -> None:
    limit = window.limit
    with batch_cursor() as cursor:
        inserted = cursor.execute(
            _INSERT,
            [
                limit.organization_id, limit.pk, window.pk, limit.version, percent, reason, limit.amount,
                window.settled, window.held, connection.ops.adapt_datetimefield_value(now),
            ],
        )  # fmt: skip
        if not inserted.fetchall():
            return
    OutboxMessage.objects.create(
        public_id=public_id("msg"),
        organization=limit.organization,
        type=REACHED if percent >= FULL else THRESHOLD_REACHED,
        payload=_payload(window, percent, reason),
        created_at=now,
    )


def _payload(window: SpendingWindow, percent: int, reason: AlertReason) -> dict[str, Any]:
    """What listeners are told; amounts as exact decimal strings."""
    limit = window.limit
    return {
        "object": "alert",
        "limit_id": limit.public_id,
        "scope": limit.scope,
        "scope_id": limit.subject.public_id,
        "scope_name": limit.subject.name,
        "measure": limit.measure,
        "window": limit.window,
        "starts_at": iso(window.starts_at) if window.ends_at else None,
        "resets_at": iso(window.ends_at) if window.ends_at else None,
        "threshold_percent": percent,
        "reason": str(reason),
        "limit": windows.said(limit.measure, limit.amount),
        "used": windows.said(limit.measure, window.settled),
        "held": windows.said(limit.measure, window.held),
        "is_hard": limit.is_hard,
    }
