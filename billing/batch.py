"""One group commit: settle what ended, admit what arrived, move grants and windows, in one transaction.

Rows are updated in one order over the whole batch, so that processes cannot deadlock; an unexpected row count rolls
everything back, and the bridge replays the requests singly, so that one bad request never fails its neighbours.
"""

from typing import Any

from django.db import transaction

from billing import admission, alerting, refused, settlement
from billing.admission import Answer
from billing.allocation import Move, Moves
from billing.moment import Moment, moment_at
from billing.terms import Ask, Outcome, Receipt
from foundation.ids import FactIds
from foundation.sql import Cursor, batch_cursor


class Conflict(RuntimeError):
    """Another process moved a row between reading and updating it; nothing was changed, try again."""


def run(
    asks: list[Ask], outcomes: list[Outcome], ids: FactIds, *, state: str = settlement.SETTLED
) -> tuple[list[Answer], list[Receipt]]:
    """Answers to the asks and receipts for the outcomes, committed; raises Conflict with nothing changed."""
    moves = Moves()
    answers: list[Answer] = []
    refused_windows: list[int] = []
    with transaction.atomic(), batch_cursor() as cursor:
        moment = moment_at()
        stale_at = moment.value if state == settlement.RECOVERED else None
        receipts = settlement.settle(cursor, outcomes, moves, state, stale_at) if outcomes else []
        if asks:
            answers, world = admission.admit(cursor, asks, moves, ids, moment)
            refused_windows = list(world.refused_windows)
            refused.count(cursor, asks, answers, moment)
        for grant_id, move in sorted(moves.by_grant.items()):
            _move_grant(cursor, grant_id, move, moment)
        reached = [pk for pk, move in sorted(moves.by_window.items()) if _move_window(cursor, pk, move)]
        if reached or refused_windows:
            alerting.tell(reached, refused_windows, moment.now)
    return answers, receipts


def _move_grant(cursor: Cursor, grant_id: int, move: Move, moment: Moment) -> None:
    if move.is_nothing:
        return
    sql = (
        "UPDATE billing_creditgrant SET held = held + %s, burned = burned + %s "
        "WHERE id = %s AND amount >= burned + held + %s AND held + %s >= 0"
    )
    params: list[Any] = [move.held, move.burned, grant_id, move.held + move.burned, move.held]
    if move.placed:
        sql += " AND (expires_at IS NULL OR expires_at > %s)"
        params.append(moment.value)
    cursor.execute(sql, params)
    if cursor.rowcount != 1:
        raise Conflict(f"Grant {grant_id} moved meanwhile.")


def _move_window(cursor: Cursor, window_id: int, move: Move) -> bool:
    """Whether a threshold of the window's limit was reached. A new hold needs room under the cap as it is now."""
    if move.is_nothing:
        return False
    sql = "UPDATE billing_spendingwindow SET held = held + %s, settled = settled + %s WHERE id = %s AND held + %s >= 0"
    params: list[Any] = [move.held, move.burned, window_id, move.held]
    if move.placed:
        sql += " AND (cap IS NULL OR settled + held + %s <= cap)"
        params.append(move.held + move.burned)
    cursor.execute(sql + " RETURNING settled, next_alert", params)
    rows = cursor.fetchall()
    if len(rows) != 1:
        raise Conflict(f"Window {window_id} moved meanwhile.")
    [(settled, next_alert)] = rows
    return next_alert is not None and settled >= next_alert
