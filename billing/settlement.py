"""Settle: claim the hold, then rate, record, post and free what was held, all in one transaction.

Only the statement that turns a hold from active to ended wins; who comes second records and charges nothing.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from billing import ledger, rating, windows
from billing.allocation import Moves, burn
from billing.models.ledger import Account
from billing.terms import Admission, Outcome, Receipt
from foundation import periods
from foundation.sql import Cursor, insert_rows, placeholders
from usage.counts import TokenCounts

SETTLED = "settled"
RELEASED = "released"
RECOVERED = "recovered"

_EVENT_COLUMNS = (
    "id", "organization_id", "project_id", "api_key_id", "secret_id", "user_id", "provider_id", "request_id", "model",
    "occurred_at", "first_token_ms", "duration_ms", "stream", "status", "error_code", "finish_reason", "usage_source",
    "input_tokens", "cached_input_tokens", "output_tokens", "input_price", "cached_input_price", "output_price",
    "price_ids", "charge", "overrun",
)  # fmt: skip
_PENDING_COLUMNS = (
    "event_id", "organization_id", "project_id", "api_key_id", "model", "bucket", "requests", "input_tokens",
    "cached_input_tokens", "output_tokens", "charge",
)  # fmt: skip
_NOTHING = Receipt(event_id=None, charge=0, counts=None)


def settle(
    cursor: Cursor, outcomes: list[Outcome], moves: Moves, state: str = SETTLED, stale_at: Any = None
) -> list[Receipt]:
    """A receipt for every outcome, in their order; adds to `moves` what grants and windows lose and get back.

    With `stale_at` (as the database takes it) only holds whose lease ended before are touched.
    """
    used = sorted(outcome.admission.hold_id for outcome in outcomes if outcome.counts is not None)
    unused = sorted(outcome.admission.hold_id for outcome in outcomes if outcome.counts is None)
    won = _claim(cursor, used, state, stale_at) | _claim(cursor, unused, RELEASED, stale_at)
    events: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    pending: list[tuple[Any, ...]] = []
    receipts = []
    for outcome in outcomes:
        if outcome.admission.hold_id not in won:
            receipts.append(_NOTHING)
            continue
        won.discard(outcome.admission.hold_id)
        receipts.append(_record(outcome, moves, events, entries, pending))
    insert_rows(cursor, "usage_usageevent", _EVENT_COLUMNS, events)
    insert_rows(cursor, "usage_pendingrollup", _PENDING_COLUMNS, pending)
    ledger.insert(cursor, entries)
    return receipts


def foreseen(outcome: Outcome) -> Receipt:
    """What settling will do, unless the hold is recovered first."""
    if outcome.counts is None:
        return _NOTHING
    charge = min(rating.charge(outcome.counts, outcome.admission.prices), outcome.admission.amount)
    return Receipt(outcome.admission.hold_id, charge, outcome.counts)


def _claim(cursor: Cursor, hold_ids: list[int], state: str, stale_at: Any) -> set[int]:
    """The holds that this transaction ends; with `stale_at` only those whose lease had run out by then."""
    if not hold_ids:
        return set()
    params: list[Any] = [state, *hold_ids]
    is_stale = ""
    if stale_at is not None:
        is_stale = "AND lease_until < %s "
        params.append(stale_at)
    cursor.execute(
        f"UPDATE billing_hold SET state = %s WHERE state = 'active' AND id IN {placeholders(len(hold_ids))} "  # noqa: S608
        f"{is_stale}RETURNING id",
        params,
    )
    return {row[0] for row in cursor.fetchall()}


def _record(
    outcome: Outcome,
    moves: Moves,
    events: list[tuple[Any, ...]],
    entries: list[tuple[Any, ...]],
    pending: list[tuple[Any, ...]],
) -> Receipt:
    """Rate one outcome and append its rows. charge = min(actual, hold); the excess is the operator's overrun."""
    admission, counts = outcome.admission, outcome.counts
    if counts is None:
        moves.lift(admission.legs, [])
        _lift_windows(admission, moves, None, 0)
        return _NOTHING
    actual = rating.charge(counts, admission.prices)
    charge = min(actual, admission.amount)
    burned = burn(admission.legs, charge)
    moves.lift(admission.legs, burned)
    _lift_windows(admission, moves, counts, charge)
    at_value, bucket_value = _instants(admission.admitted_at)
    events.append(_event_row(outcome, counts, at_value, charge, actual - charge))
    organization_id = admission.principal.organization_id
    if charge:
        lines = [ledger.Line(Account.CREDIT, -leg.amount, leg.grant_id) for leg in burned]
        lines.append(ledger.Line(Account.REVENUE, charge))
        entries += ledger.rows(
            f"event:{admission.hold_id}", organization_id, lines, at_value, event_id=admission.hold_id
        )
    pending.append(
        (
            admission.hold_id,
            organization_id,
            admission.principal.project_id,
            admission.principal.key_id,
            admission.model,
            bucket_value,
            1,
            counts.input,
            counts.cached_input,
            counts.output,
            charge,
        )
    )
    return Receipt(admission.hold_id, charge, counts)


# What was admitted together has one instant.
@lru_cache(maxsize=4096)
def _instants(admitted_at: float) -> tuple[Any, Any]:
    """The instant and the start of its rollup bucket, as the database takes them."""
    at = datetime.fromtimestamp(admitted_at, UTC)
    adapt = connection.ops.adapt_datetimefield_value
    return adapt(at), adapt(periods.bucket_start(at))


def _lift_windows(admission: Admission, moves: Moves, counts: TokenCounts | None, charge: int) -> None:
    """Settle on every window what its measure counts; a request that produced nothing is none."""
    if not admission.window_legs:
        return
    tokens = 0 if counts is None else counts.input + counts.cached_input + counts.output
    for leg in admission.window_legs:
        moves.lift_window(leg, 0 if counts is None else windows.need(leg.measure, charge, tokens))


def _event_row(outcome: Outcome, counts: TokenCounts, at_value: Any, charge: int, overrun: int) -> tuple[Any, ...]:
    admission = outcome.admission
    principal = admission.principal
    first = outcome.first_token_at
    return (
        admission.hold_id,
        principal.organization_id,
        principal.project_id,
        principal.key_id,
        principal.secret_id,
        admission.user_id,
        outcome.provider_id,
        admission.request_id,
        admission.model,
        at_value,
        None if first is None else max(0, round((first - admission.admitted_at) * 1000)),
        max(0, round((outcome.finished_at - admission.admitted_at) * 1000)),
        admission.stream,
        outcome.status,
        outcome.error_code,
        outcome.finish_reason,
        outcome.usage_source,
        counts.input,
        counts.cached_input,
        counts.output,
        admission.prices.input,
        admission.prices.cached_input,
        admission.prices.output,
        ",".join(map(str, admission.price_ids)),
        charge,
        overrun,
    )
