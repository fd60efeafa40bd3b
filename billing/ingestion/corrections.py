"""Void or amend what was reported before: a row with the difference; the event itself stays as it is.

What holds of several corrections is the one that was said last, in whatever order they arrive; a void holds against
all. So the sums come out the same in any order.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from billing import rating
from billing.ingestion.attribution import Owner, Reporter
from billing.ingestion.draft import Draft, check_time, request_id
from billing.ingestion.event import AMEND, VOID, Name, Rejected, Reported
from billing.ingestion.identity import identity
from foundation.money import UnitPrices
from foundation.sql import Cursor, Table, instant, utc
from usage.counts import NOTHING, TokenCounts
from usage.models.event import AMENDED, INGESTED, VOIDED

CORRECTIONS = Table(
    "billing_correction",
    {
        "id": "bigint", "event_id": "bigint", "kind": "text", "said_at": "timestamptz", "input_tokens": "bigint",
        "cached_input_tokens": "bigint", "output_tokens": "bigint",
    },
)  # fmt: skip
_KINDS = {VOID: "void", AMEND: "amend"}
_SOURCES = {VOID: VOIDED, AMEND: AMENDED}
_TARGETS = """
    SELECT source, external_id, id, project_id, api_key_id, model, occurred_at, usage_source, input_tokens,
        cached_input_tokens, output_tokens, input_price, cached_input_price, output_price, price_ids
    FROM usage_usageevent WHERE identity IS NOT NULL AND identity = ANY(%s)"""
_SAID = """
    SELECT c.event_id, c.kind, c.said_at, e.source, e.external_id, c.input_tokens, c.cached_input_tokens,
        c.output_tokens
    FROM billing_correction c JOIN usage_usageevent e ON e.id = c.id WHERE c.event_id = ANY(%s)"""


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """One correction; the greatest holds."""

    is_void: bool
    at: datetime
    name: Name
    counts: TokenCounts = field(compare=False)


@dataclass(slots=True)
class Target:
    """A usage event as it was recorded, and what was said of it since."""

    event_id: int
    owner: Owner
    model: str
    at: datetime
    usage_source: str
    counts: TokenCounts
    prices: UnitPrices
    price_ids: str
    said: list[Said] = field(default_factory=list)

    def holds(self) -> TokenCounts:
        """What the event counts now; nothing when it is void."""
        return holding(self.counts, self.said)


def holding(counts: TokenCounts, said: list[Said]) -> TokenCounts:
    """What holds of an event's counts and everything that was said of it since."""
    return max(said).counts if said else counts


def difference(target: Target, said: Said) -> tuple[TokenCounts, int]:
    """By how much one more correction changes tokens and charge (nano-USD); adds it to the target."""
    before = target.holds()
    target.said.append(said)
    after = target.holds()
    counts = TokenCounts(
        after.input - before.input, after.cached_input - before.cached_input, after.output - before.output
    )
    return counts, rating.charge(after, target.prices) - rating.charge(before, target.prices)


class Targets:
    """The events that some corrections are about: stored ones, and those that came with them."""

    def __init__(self, cursor: Cursor, organization_id: int, corrections: list[Reported], fresh: list[Draft]) -> None:
        wanted = {event.target for event in corrections}
        self._by_name = {one.reported.name: _of_draft(one) for one in fresh}
        names = [identity(organization_id, name) for name in wanted]
        for row in cursor.execute(_TARGETS, [names]).fetchall():
            self._by_name[row[0], row[1]] = _of_row(row)
        by_id = {target.event_id: target for target in self._by_name.values()}
        stored = [one.event_id for name, one in self._by_name.items() if name in wanted]
        if stored:
            for event_id, kind, at, source, name, *counts in cursor.execute(_SAID, [stored]).fetchall():
                said = Said(kind == "void", utc(at) or at, (source, name), TokenCounts(*counts))
                by_id[event_id].said.append(said)

    def draft(self, event_id: int, event: Reported, reporter: Reporter, now: datetime, late: timedelta) -> Draft:
        """The row with the difference; raises Rejected."""
        target = self._target(event, reporter)
        check_time(target.at, now, late)
        is_void = event.type == VOID
        if any(said.is_void for said in target.said):
            raise Rejected("event_voided", "The event is void already.", "data.event_id")
        said = Said(is_void, event.at or now, event.name, event.counts or NOTHING)
        counts, charge = difference(target, said)
        return Draft(
            event_id=event_id,
            reported=event,
            owner=target.owner,
            model=target.model,
            at=target.at,
            counts=counts,
            prices=target.prices,
            price_ids=target.price_ids,
            charge=charge,
            request_id=request_id(event.id, event_id),
            requests=-1 if is_void else 0,
            usage_source=_SOURCES[event.type],
        )

    def row(self, draft: Draft, now: datetime) -> tuple[Any, ...]:
        """The draft's row of CORRECTIONS."""
        event = draft.reported
        stated = event.counts or NOTHING
        return (
            draft.event_id,
            self._by_name[event.target].event_id,
            _KINDS[event.type],
            instant(event.at or now),
            stated.input,
            stated.cached_input,
            stated.output,
        )

    def _target(self, event: Reported, reporter: Reporter) -> Target:
        found = self._by_name.get(event.target)
        allowed = reporter.project_ids
        if found is None or (allowed is not None and found.owner.project_id not in allowed):
            message = "There is no such event (yet): a correction comes after the event that it names."
            raise Rejected("event_not_found", message, "data.event_id")
        if found.usage_source != INGESTED:
            raise Rejected("event_not_found", "A correction cannot be corrected; send another one.", "data.event_id")
        return found


def _of_draft(draft: Draft) -> Target:
    return Target(
        draft.event_id, draft.owner, draft.model, draft.at, draft.usage_source, draft.counts,
        draft.prices, draft.price_ids,
    )  # fmt: skip


def _of_row(row: tuple[Any, ...]) -> Target:
    (
        _, _, event_id, project_id, key_id, model, at, usage_source, whole, cached, output, input_price,
        cached_input_price, output_price, price_ids,
    ) = row  # fmt: skip
    return Target(
        event_id, Owner(project_id, key_id), model, utc(at) or at, usage_source,
        TokenCounts(whole, cached, output), UnitPrices(input_price, cached_input_price, output_price), price_ids,
    )  # fmt: skip
