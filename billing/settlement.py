"""Settle: claim the hold, then rate, record, post and free what was held, all in one transaction.

Only the statement that turns a hold from active to ended wins; who comes second records and charges nothing.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from billing import ledger, rating, windows
from billing.allocation import Moves, burn
from billing.models.ledger import Account
from billing.terms import Admission, Outcome, Receipt
from foundation import periods
from foundation.sql import Cursor, Result, Table
from usage.counts import TokenCounts
from usage.savings import saving

SETTLED = "settled"
RELEASED = "released"
RECOVERED = "recovered"

_EVENTS = Table(
    "usage_usageevent",
    {
        "id": "bigint", "organization_id": "bigint", "project_id": "bigint", "api_key_id": "bigint",
        "secret_id": "bigint", "user_id": "bigint", "provider_id": "bigint", "request_id": "text", "model": "text",
        "occurred_at": "timestamptz", "first_token_ms": "bigint", "duration_ms": "bigint", "stream": "boolean",
        "status": "bigint", "error_code": "text", "finish_reason": "text", "usage_source": "text",
        "input_tokens": "bigint", "cached_input_tokens": "bigint", "output_tokens": "bigint", "input_price": "bigint",
        "cached_input_price": "bigint", "output_price": "bigint", "price_ids": "text", "charge": "bigint",
        "overrun": "bigint", "reasoning_tokens": "bigint",
    },
)  # fmt: skip
PENDING = Table(
    "usage_pendingrollup",
    {
        "event_id": "bigint", "organization_id": "bigint", "project_id": "bigint", "api_key_id": "bigint",
        "model": "text", "bucket": "timestamptz", "requests": "bigint", "input_tokens": "bigint",
        "cached_input_tokens": "bigint", "output_tokens": "bigint", "charge": "bigint", "saved": "bigint",
        "saved_pico": "bigint",
    },
)  # fmt: skip
_MOST_MILLISECONDS = 2**31 - 1
_NOTHING = Receipt(event_id=None, charge=0, counts=None)
Row = tuple[Any, ...]


@dataclass(slots=True)
class Facts:
    """The rows that settling inserts."""

    events: list[Row] = field(default_factory=list)
    pending: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)


def settle(
    cursor: Cursor, outcomes: list[Outcome], moves: Moves, state: str = SETTLED, stale_at: Any = None
) -> list[Receipt]:
    """A receipt for every outcome, in their order; adds to `moves` what grants and windows lose and get back.

    With `stale_at` (as the database takes it) only holds whose lease ended before are touched.
    """
    facts = Facts()
    receipts = record(outcomes, claim(cursor, outcomes, state, stale_at), moves, facts)
    write(cursor, facts)
    return receipts


def claim(cursor: Cursor, outcomes: list[Outcome], state: str, stale_at: Any = None) -> list[Result]:
    """End the holds; the results name those that this transaction won."""
    used = sorted(outcome.admission.hold_id for outcome in outcomes if outcome.counts is not None)
    unused = sorted(outcome.admission.hold_id for outcome in outcomes if outcome.counts is None)
    return [_claim(cursor, ids, to, stale_at) for ids, to in ((used, state), (unused, RELEASED)) if ids]


def record(outcomes: list[Outcome], claims: list[Result], moves: Moves, facts: Facts) -> list[Receipt]:
    """A receipt for every outcome; adds to `facts` the rows and to `moves` what the winners change."""
    won = {hold_id: state for claimed in claims for hold_id, state in claimed.fetchall()}
    receipts = []
    for outcome in outcomes:
        state = won.get(outcome.admission.hold_id)
        # Where one batch has a use and a release of the same hold, the state says which of them won.
        if state is None or (state == RELEASED) != (outcome.counts is None):
            receipts.append(_NOTHING)
            continue
        del won[outcome.admission.hold_id]
        receipts.append(_record(outcome, moves, facts))
    return receipts


def write(cursor: Cursor, facts: Facts) -> None:
    """Insert the rows of what was settled."""
    cursor.insert(_EVENTS, facts.events)
    cursor.insert(PENDING, facts.pending)
    ledger.insert(cursor, facts.entries)


def foreseen(outcome: Outcome) -> Receipt:
    """What settling will do, unless the hold is recovered first."""
    if outcome.counts is None:
        return _NOTHING
    charge = min(rating.charge(outcome.counts, outcome.admission.prices), outcome.admission.amount)
    return Receipt(outcome.admission.hold_id, charge, outcome.counts)


def _claim(cursor: Cursor, hold_ids: list[int], state: str, stale_at: Any) -> Result:
    """The holds that this transaction ends; with `stale_at` only those whose lease had run out by then."""
    params: list[Any] = [state, hold_ids]
    is_stale = ""
    if stale_at is not None:
        is_stale = "AND lease_until < %s "
        params.append(stale_at)
    return cursor.execute(
        f"UPDATE billing_hold SET state = %s WHERE state = 'active' AND id = ANY(%s) {is_stale}RETURNING id, state",  # noqa: S608
        params,
    )


def _record(outcome: Outcome, moves: Moves, facts: Facts) -> Receipt:
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
    facts.events.append(_event_row(outcome, counts, at_value, charge, actual - charge))
    organization_id = admission.principal.organization_id
    if charge:
        lines = [ledger.Line(Account.CREDIT, -leg.amount, leg.grant_id) for leg in burned]
        lines.append(ledger.Line(Account.REVENUE, charge))
        facts.entries += ledger.rows(
            f"event:{admission.hold_id}", organization_id, lines, at_value, event_id=admission.hold_id
        )
    facts.pending.append(
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
            *saving(counts.cached_input, admission.prices.input, admission.prices.cached_input),
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


def _milliseconds(since: float, until: float) -> int:
    """From one unix second to another, as the column takes it: a settlement may have waited for weeks."""
    return min(max(0, round((until - since) * 1000)), _MOST_MILLISECONDS)


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
        None if first is None else _milliseconds(admission.admitted_at, first),
        _milliseconds(admission.admitted_at, outcome.finished_at),
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
        counts.reasoning,
    )
