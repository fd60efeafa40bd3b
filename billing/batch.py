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
from foundation.sql import Cursor, Result, batch_cursor


class Conflict(RuntimeError):
    """Another process moved a row between reading and updating it; nothing was changed, try again."""


def run(
    asks: list[Ask], outcomes: list[Outcome], ids: FactIds, *, state: str = settlement.SETTLED
) -> tuple[list[Answer], list[Receipt]]:
    """Answers to the asks and receipts for the outcomes, committed; raises Conflict with nothing changed."""
    moves, facts = Moves(), settlement.Facts()
    with transaction.atomic(), batch_cursor() as cursor:
        moment = moment_at()
        with cursor.together():
            stale_at = moment.value if state == settlement.RECOVERED else None
            claims = settlement.claim(cursor, outcomes, state, stale_at)
            inquiry = admission.inquire(cursor, asks)
        receipts = settlement.record(outcomes, claims, moves, facts)
        world = admission.look(cursor, asks, admission.found_callers(asks, inquiry, moment), moves, moment)
        answers = admission.admit(asks, world, ids)
        with cursor.together():
            settlement.write(cursor, facts)
            admission.write(cursor, answers, moment)
            refused.count(cursor, asks, answers, moment)
            grants = [_move_grant(cursor, pk, move, moment) for pk, move in _in_order(moves.by_grant)]
            windows = [_move_window(cursor, pk, move) for pk, move in _in_order(moves.by_window)]
        if any(moved.rowcount != 1 for moved in grants):
            raise Conflict("A grant moved meanwhile.")
        reached = _reached(windows)
        if reached or world.refused_windows:
            alerting.tell(reached, world.refused_windows, moment.now)
    return answers, receipts


def _in_order(moves: dict[int, Move]) -> list[tuple[int, Move]]:
    return sorted((pk, move) for pk, move in moves.items() if not move.is_nothing)


def _move_grant(cursor: Cursor, grant_id: int, move: Move, moment: Moment) -> Result:
    sql = (
        "UPDATE billing_creditgrant SET held = held + %s, burned = burned + %s "
        "WHERE id = %s AND amount >= burned + held + %s AND held + %s >= 0"
    )
    params: list[Any] = [move.held, move.burned, grant_id, move.held + move.burned, move.held]
    if move.placed:
        sql += " AND (expires_at IS NULL OR expires_at > %s)"
        params.append(moment.value)
    return cursor.execute(sql, params)


def _move_window(cursor: Cursor, window_id: int, move: Move) -> Result:
    """A new hold needs room under the cap as it is now."""
    sql = "UPDATE billing_spendingwindow SET held = held + %s, settled = settled + %s WHERE id = %s AND held + %s >= 0"
    params: list[Any] = [move.held, move.burned, window_id, move.held]
    if move.placed:
        sql += " AND (cap IS NULL OR settled + held + %s <= cap)"
        params.append(move.held + move.burned)
    return cursor.execute(f"{sql} RETURNING id, settled, next_alert", params)


def _reached(moved: list[Result]) -> list[int]:
    """The windows in which a threshold of the limit was reached."""
    reached = []
    for result in moved:
        rows = result.fetchall()
        if len(rows) != 1:
            raise Conflict("A window moved meanwhile.")
        [(window_id, settled, next_alert)] = rows
        if next_alert is not None and settled >= next_alert:
            reached.append(window_id)
    return reached
