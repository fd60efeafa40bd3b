"""One group commit: settle what ended, admit what arrived, and move the grants, in one transaction.

Rows are updated in one order over the whole batch, so that processes cannot deadlock; an unexpected row count rolls
everything back, and the bridge replays the requests singly, so that one bad request never fails its neighbours.
"""

from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from billing import admission, settlement
from billing.admission import LEASE, Answer, Moment
from billing.allocation import Moves
from billing.terms import Ask, Outcome, Receipt
from foundation.ids import FactIds
from foundation.sql import Cursor


class Conflict(RuntimeError):
    """Another process moved a grant between reading and updating it; nothing was changed, try again."""


def moment_now(now: datetime | None = None) -> Moment:
    """The instant of a batch as Python and the database take it."""
    now = now or timezone.now()
    adapt = connection.ops.adapt_datetimefield_value
    return Moment(now, adapt(now), adapt(now + LEASE))


def run(
    asks: list[Ask], outcomes: list[Outcome], ids: FactIds, *, state: str = settlement.SETTLED
) -> tuple[list[Answer], list[Receipt]]:
    """Answers to the asks and receipts for the outcomes, committed; raises Conflict with nothing changed."""
    moves = Moves()
    with transaction.atomic(), connection.cursor() as cursor:
        moment = moment_now()
        receipts = settlement.settle(cursor, outcomes, moves, state) if outcomes else []
        answers = admission.admit(cursor, asks, moves, ids, moment) if asks else []
        _apply(cursor, moves, moment)
    return answers, receipts


def _apply(cursor: Cursor, moves: Moves, moment: Moment) -> None:
    for grant_id, move in sorted(moves.by_grant.items()):
        if not (move.held or move.burned or move.needs_life):
            continue
        sql = (
            "UPDATE billing_creditgrant SET held = held + %s, burned = burned + %s "
            "WHERE id = %s AND amount >= burned + held + %s AND held + %s >= 0"
        )
        params = [move.held, move.burned, grant_id, move.held + move.burned, move.held]
        if move.needs_life:
            sql += " AND (expires_at IS NULL OR expires_at > %s)"
            params.append(moment.value)
        cursor.execute(sql, params)
        if cursor.rowcount != 1:
            raise Conflict(f"Grant {grant_id} moved meanwhile.")
