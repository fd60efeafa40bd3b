"""Ingest: record what was used elsewhere, once, and charge and count it, all in one transaction.

Batches of one organization take turns, so that the same event in two of them is recorded by the first.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from billing import alerting, grants
from billing.ingestion import charging, counting, draft
from billing.ingestion.attribution import Attribution, Reporter
from billing.ingestion.corrections import CORRECTIONS, Targets
from billing.ingestion.draft import LATE, Draft, Place, Sum
from billing.ingestion.event import USAGE, Name, Rejected, Reported
from billing.ingestion.identity import identity
from billing.ingestion.ids import fact_ids
from billing.ingestion.pricing import Pricing
from billing.models import IngestionBatch
from billing.moment import Moment, moment_at
from billing.settlement import PENDING
from foundation.ids import FactIds
from foundation.periods import bucket_start
from foundation.sql import Cursor, Table, batch_cursor, instant

ACCEPTED, DUPLICATE, CONFLICT, REJECTED = "accepted", "duplicate", "conflict", "rejected"
_EVENTS = Table(
    "usage_usageevent",
    {
        "id": "bigint", "organization_id": "bigint", "project_id": "bigint", "api_key_id": "bigint",
        "request_id": "text", "model": "text", "occurred_at": "timestamptz", "first_token_ms": "bigint",
        "duration_ms": "bigint", "stream": "boolean", "status": "bigint", "error_code": "text",
        "finish_reason": "text", "usage_source": "text", "input_tokens": "bigint", "cached_input_tokens": "bigint",
        "output_tokens": "bigint", "input_price": "bigint", "cached_input_price": "bigint", "output_price": "bigint",
        "price_ids": "text", "charge": "bigint", "overrun": "bigint", "source": "text", "external_id": "text",
        "identity": "uuid", "digest": "text", "batch_id": "bigint",
        "reasoning_tokens": "bigint",
    },
)  # fmt: skip
_LATE = Table(
    "billing_lateusage",
    {
        "organization_id": "bigint", "charged_in": "timestamptz", "used_in": "timestamptz", "requests": "bigint",
        "charge": "bigint",
    },
    "ON CONFLICT (organization_id, charged_in, used_in) DO UPDATE SET "
    "requests = billing_lateusage.requests + excluded.requests, charge = billing_lateusage.charge + excluded.charge",
)  # fmt: skip
_STORED = "SELECT source, external_id, digest FROM usage_usageevent WHERE identity IS NOT NULL AND identity = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event: accepted, duplicate, conflict, or rejected with a code, a sentence and the member."""

    status: str
    code: str = ""
    message: str = ""
    param: str | None = None


_ACCEPTED, _DUPLICATE = Result(ACCEPTED), Result(DUPLICATE)
_CONFLICT = Result(
    CONFLICT,
    "event_conflict",
    "An event with this source and id was recorded before, and it said something else.",
    "id",
)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What one call of `ingest` works with."""

    organization: Organization
    reporter: Reporter
    late: timedelta
    attribution: Attribution
    pricing: Pricing
    ids: FactIds


def ingest(
    organization: Organization,
    items: Sequence[Reported | Rejected],
    reporter: Reporter,
    *,
    now: datetime | None = None,
    late: timedelta = LATE,
) -> list[Result]:
    """A result for every item, in their order, committed. Of the same event twice the first counts."""
    now = now or timezone.now()
    reported = [item for item in items if isinstance(item, Reported)]
    desk = _Desk(
        organization, reporter, late, Attribution(organization, reporter, reported), Pricing(organization), fact_ids()
    )
    grants.ensure_monthly(organization.pk, now)
    with transaction.atomic():
        # Keys of other tables may still refer to the organization meanwhile.
        Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).values_list("pk").get()
        with batch_cursor() as cursor:
            return _record(cursor, desk, items, moment_at(now))


def _record(cursor: Cursor, desk: _Desk, items: Sequence[Reported | Rejected], moment: Moment) -> list[Result]:
    known = _stored(cursor, desk.organization.pk, items)
    results: list[Result | None] = [None] * len(items)
    drafts: list[Draft] = []
    batch_id = desk.ids.next()
    # First what was used, so that a correction may come with it.
    usage, corrections = _apart(items)
    for place, event in usage:
        results[place] = _taken(known, event) or _drafted(desk, event, drafts, moment.now)
        if results[place] is _ACCEPTED:
            known[event.name] = event.digest
    rows: list[tuple[Any, ...]] = []
    if corrections:
        targets = Targets(cursor, desk.organization.pk, [event for _, event in corrections], drafts)
        for place, event in corrections:
            results[place] = _taken(known, event) or _corrected(desk, targets, event, drafts, rows, moment.now)
            if results[place] is _ACCEPTED:
                known[event.name] = event.digest
    if drafts:
        _write(cursor, desk, batch_id, drafts, rows, moment)
    return [result or _rejected(item) for result, item in zip(results, items, strict=True)]


def _apart(items: Sequence[Reported | Rejected]) -> tuple[list[tuple[int, Reported]], list[tuple[int, Reported]]]:
    """Usage and corrections, with their places."""
    reported = [(place, item) for place, item in enumerate(items) if isinstance(item, Reported)]
    usage = [(place, event) for place, event in reported if event.type == USAGE]
    return usage, [(place, event) for place, event in reported if event.type != USAGE]


def _stored(cursor: Cursor, organization_id: int, items: Sequence[Reported | Rejected]) -> dict[Name, str]:
    """What the events that were recorded before said, by source and id."""
    names = []
    for item in items:
        if isinstance(item, Reported):
            item.identity = identity(organization_id, item.name)
            names.append(item.identity)
    rows = cursor.execute(_STORED, [names]).fetchall() if names else []
    return {(source, external_id): digest for source, external_id, digest in rows}


def _taken(known: dict[Name, str], event: Reported) -> Result | None:
    digest = known.get(event.name)
    if digest is None:
        return None
    return _DUPLICATE if digest == event.digest else _CONFLICT


def _drafted(desk: _Desk, event: Reported, drafts: list[Draft], now: datetime) -> Result:
    try:
        if event.at is not None:
            draft.check_time(event.at, now, desk.late)
        drafts.append(draft.usage(desk.ids.next(), event, desk.attribution, desk.pricing, now))
    except Rejected as error:
        return _rejected(error)
    return _ACCEPTED


def _corrected(
    desk: _Desk, targets: Targets, event: Reported, drafts: list[Draft], rows: list[tuple[Any, ...]], now: datetime
) -> Result:
    try:
        if event.at is not None:
            draft.check_time(event.at, now, desk.late)
        made = targets.draft(desk.ids.next(), event, desk.reporter, now, desk.late)
    except Rejected as error:
        return _rejected(error)
    drafts.append(made)
    rows.append(targets.row(made, now))
    return _ACCEPTED


def _rejected(item: Reported | Rejected) -> Result:
    assert isinstance(item, Rejected)
    return Result(REJECTED, item.code, item.message, item.param)


def _write(
    cursor: Cursor, desk: _Desk, batch_id: int, drafts: list[Draft], corrections: list[tuple[Any, ...]], moment: Moment
) -> None:
    """Everything that the batch changes. What requests wait for (grants, windows) is moved last."""
    organization = desk.organization
    sums = draft.summed(drafts)
    amount = sum(total.charge for total in sums.values())
    legs = counting.legs(organization, sums)
    IngestionBatch.objects.create(
        id=batch_id,
        organization=organization,
        api_key=desk.reporter.sent_by,
        user=desk.reporter.actor.user,
        received_at=moment.now,
        first_event_id=drafts[0].event_id,
        last_event_id=drafts[-1].event_id,
        events=len(drafts),
        charge=amount,
        window_legs=orjson.dumps([(leg.window_id, leg.measure, leg.amount) for leg in legs]).decode(),
    )
    cursor.copy(_EVENTS, draft.rows(drafts, organization, batch_id))
    cursor.insert(CORRECTIONS, corrections)
    cursor.copy(PENDING, [_pending(organization.pk, place, total) for place, total in sums.items()])
    cursor.insert(_LATE, _late(organization.pk, sums, moment.now))
    charging.charge(cursor, organization.pk, batch_id, amount, moment)
    reached = counting.count(cursor, legs)
    if reached:
        alerting.tell(reached, (), moment.now)


def _pending(organization_id: int, place: Place, total: Sum) -> tuple[Any, ...]:
    return (
        total.event_id, organization_id, place.project_id, place.key_id, place.model, instant(place.starts_at),
        total.requests, total.input, total.cached_input, total.output, total.charge, total.saved,
        total.saved_pico,
    )  # fmt: skip


def _late(organization_id: int, sums: dict[Place, Sum], now: datetime) -> list[tuple[Any, ...]]:
    """What was used in other buckets than this one, in which it is charged."""
    charged_in = bucket_start(now)
    requests, charges = Counter[datetime](), Counter[datetime]()
    for place, total in sums.items():
        requests[place.starts_at] += total.requests
        charges[place.starts_at] += total.charge
    return [
        (organization_id, instant(charged_in), instant(used_in), requests[used_in], charge)
        for used_in, charge in charges.items()
        if used_in != charged_in and (charge or requests[used_in])
    ]
