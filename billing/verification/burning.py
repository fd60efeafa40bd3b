"""The credit of a request: its hold's legs, and the ledger transaction that burned the first of them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from billing.allocation import burn
from billing.models import Account, CreditGrant
from billing.terms import Leg
from billing.verification.charges import ACTIVE
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import EntryRow, EventRow, HoldRow
from billing.verification.tally import Tally
from foundation.sql import utc

_MOST_REMEMBERED = 50_000
_NEVER = datetime.max.replace(tzinfo=UTC)
Legs = tuple[Leg, ...]


class Burning:
    """Remembers the grants that were met lately."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._grants: dict[int, CreditGrant] = {}

    def check(
        self, chunk: list[tuple[HoldRow | None, EventRow | None]], entries: dict[str, list[EntryRow]]
    ) -> Iterator[Difference]:
        """Legs and entries of some requests; `entries` by transaction."""
        all_legs = [_read(hold) for hold, _ in chunk]
        self._remember({leg.grant_id for legs in all_legs for leg in legs or ()})
        for (hold, event), legs in zip(chunk, all_legs, strict=True):
            if hold is not None:
                yield from self._legs(hold, legs)
            if event is not None:
                yield from _posted(event, legs, entries.get(f"event:{event.id}", []))

    def _remember(self, grant_ids: Iterable[int]) -> None:
        missing = [pk for pk in grant_ids if pk not in self._grants]
        if not missing:
            return
        if len(self._grants) > _MOST_REMEMBERED:
            self._grants.clear()
            missing = list(grant_ids)
        self._grants.update(CreditGrant.objects.in_bulk(missing))

    def _legs(self, hold: HoldRow, legs: Legs | None) -> Iterator[Difference]:
        """They add up to the hold, on credit that lived when it was placed, in the order of burning."""
        if legs is None:
            yield difference("hold", hold.id, "legs", "[[grant, amount], ...]", hold.legs)
            return
        if hold.state == ACTIVE:
            for leg in legs:
                self._tally.held[leg.grant_id] += leg.amount
        total = sum(leg.amount for leg in legs)
        if total != hold.amount:
            yield difference("hold", hold.id, "sum of its legs", hold.amount, total)
        at = utc(hold.admitted_at) or _NEVER
        places = []
        for leg in legs:
            grant = self._grants.get(leg.grant_id)
            if grant is None or grant.organization_id != hold.organization_id:
                yield difference("hold", hold.id, "grants of its legs", "its organization's", f"grant {leg.grant_id}")
                continue
            if not grant.starts_at <= at < (grant.expires_at or _NEVER):
                life = f"admission while grant {grant.pk} lives, {grant.starts_at} to {grant.expires_at or 'ever'}"
                yield difference("hold", hold.id, "life of its credit", life, at)
            places.append((grant.priority, grant.expires_at or _NEVER, grant.is_paid, grant.pk))
        if places != sorted(places):
            yield difference("hold", hold.id, "order of its legs", [place[-1] for place in sorted(places)], hold.legs)


def _read(hold: HoldRow | None) -> Legs | None:
    if hold is None:
        return None
    try:
        legs = tuple(Leg(grant_id, amount) for grant_id, amount in orjson.loads(hold.legs))
    except (ValueError, TypeError):
        return None
    return legs if all(_is_leg(leg) for leg in legs) else None


def _is_leg(leg: Leg) -> bool:
    return type(leg.grant_id) is int and type(leg.amount) is int and leg.amount > 0


def _posted(event: EventRow, legs: Legs | None, entries: list[EntryRow]) -> Iterator[Difference]:
    """Revenue is the charge; credit is what it burns of the legs, first leg first; nothing when nothing is charged."""
    found = sorted((entry.account, entry.grant_id or 0, entry.amount) for entry in entries)
    if legs is None or event.charge > sum(leg.amount for leg in legs):
        # Said elsewhere; what remains true is what the customer pays.
        revenue = sum(entry.amount for entry in entries if entry.account == Account.REVENUE)
        yield from compare("event", event.id, [("revenue by the ledger", event.charge, revenue)])
        return
    expected: list[tuple[str, int, int]] = []
    if event.charge:
        expected = [(str(Account.CREDIT), leg.grant_id, -leg.amount) for leg in burn(legs, event.charge)]
        expected.append((str(Account.REVENUE), 0, event.charge))
    if found != sorted(expected):
        yield difference("event", event.id, "ledger entries", _entries(sorted(expected)), _entries(found))
    for entry in entries:
        about: Any = (entry.organization_id, entry.event_id, entry.at)
        if about != (event.organization_id, event.id, event.occurred_at):
            values = [
                ("organization of its ledger entry", event.organization_id, entry.organization_id),
                ("event of its ledger entry", event.id, entry.event_id),
                ("instant of its ledger entry", event.occurred_at, entry.at),
            ]
            yield from compare("event", event.id, values)


def _entries(rows: list[tuple[str, int, int]]) -> str:
    return ", ".join(f"{account}{f' of grant {grant}' if grant else ''} {amount}" for account, grant, amount in rows)
