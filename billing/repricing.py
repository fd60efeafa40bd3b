"""Put right what a wrong price charged: compare, and give the difference back. Charges themselves never change.

What was charged too little is told and never billed. Earlier adjustments of an event count as not charged, so that
another run, under whatever name, gives nothing back twice.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import audit
from accounts.actor import SYSTEM, Actor
from accounts.models import Organization
from billing import grants, price_history, rating
from billing.models import Adjustment, GrantKind, Hold, Subscription
from billing.price_explanation import pinned_plan
from billing.price_history import Buyer, KnownPrice
from foundation.consistent_read import one_moment
from foundation.keyset import pages, quoted
from foundation.money import UnitPrices
from foundation.sql import instant, placeholders, utc
from usage.counts import TokenCounts

# No process admits with an instant so old: what lies behind it is complete.
MARGIN = timedelta(minutes=1)
Report = Callable[[int], None]


class NotClosed(ValueError):
    """Requests of the period may still be charged."""


class RunTaken(ValueError):
    """The run gave something back to this organization before, and would now give more."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What was priced wrong, and the right prices in pico-USD per token.

    A class without a price keeps the one that was charged, or takes what the catalog says today for the moment of each
    request.
    """

    run: str
    model: str
    since: datetime
    until: datetime
    input_price: int | None = None
    cached_input_price: int | None = None
    output_price: int | None = None
    from_catalog: bool = False
    organization_id: int | None = None


@dataclass(slots=True)
class Result:
    """What a correction means for one organization; nano-USD."""

    organization: Organization
    events: int = 0
    charged: int = 0
    repriced: int = 0
    # The sum of what was charged too much, and too little, event by event.
    too_much: int = 0
    too_little: int = 0

    @property
    def difference(self) -> int:
        """What the right prices would have charged more."""
        return self.repriced - self.charged


class EventRow(NamedTuple):
    """One usage event of the period."""

    id: int
    occurred_at: datetime
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    input_price: int
    cached_input_price: int
    output_price: int
    price_ids: str
    charge: int


@dataclass(frozen=True, slots=True)
class Repriced:
    """One usage event beside what it would have cost; `charged` is what is left of its charge."""

    event_id: int
    charged: int
    repriced: int
    prices: UnitPrices


def compare(correction: Correction, report: Report) -> list[Result]:
    """What the correction means for every organization that it touches; changes nothing. `report` is told of events."""
    with one_moment():
        catalog = _Catalog(correction)
        found = [_sum(organization, correction, catalog, report) for organization in _organizations(correction)]
    return [result for result in found if result.events]


def post(correction: Correction, report: Report, by: Actor = SYSTEM) -> list[Result]:
    """Give back what was charged too much, an organization a transaction: a run that was ended halfway is resumed by
    running it again. Raises NotClosed and RunTaken.
    """
    _refuse_open(correction)
    catalog = _Catalog(correction)
    found = []
    for organization in _organizations(correction):
        with transaction.atomic():
            # Two runs at once would both find the same difference.
            Organization.objects.select_for_update().get(pk=organization.pk)
            result = _sum(organization, correction, catalog, report)
            if result.too_much:
                _give_back(result, correction, catalog, by)
        if result.events:
            found.append(result)
    return found


def value(counts: TokenCounts, prices: UnitPrices, input_bound: int, output_cap: int) -> int:
    """Nano-USD that a request would have been charged at these prices: never more than it would have held."""
    return min(rating.charge(counts, prices), rating.hold(input_bound, output_cap, prices))


def source(run: str) -> str:
    """What names the run's credit grant of an organization."""
    return f"adjustment:{run}"


def _refuse_open(correction: Correction) -> None:
    if correction.until > timezone.now() - MARGIN:
        raise NotClosed("The period must have ended a minute ago, so that everything in it is known.")
    if Hold.objects.filter(state="active", admitted_at__lt=correction.until, model=correction.model).exists():
        raise NotClosed("Requests of the period are still under way; try again when they have ended.")


def _organizations(correction: Correction) -> list[Organization]:
    chosen = Organization.objects.order_by("pk")
    if correction.organization_id is not None:
        chosen = chosen.filter(pk=correction.organization_id)
    return list(chosen)


def _give_back(result: Result, correction: Correction, catalog: "_Catalog", by: Actor) -> None:
    organization, now = result.organization, timezone.now()
    note = f"Price of {correction.model} corrected"
    grant = grants.give(
        organization, result.too_much, GrantKind.ADJUSTMENT, by, source=source(correction.run), note=note, at=now
    )
    if grant is None:
        raise RunTaken(
            f"The run {correction.run} gave {organization.name} something back before, at other prices. Name another."
        )
    number = 0
    for page in _repriced(organization, correction, catalog):
        made = [
            Adjustment(
                run=correction.run,
                organization=organization,
                event_id=one.event_id,
                grant=grant,
                charged=one.charged,
                repriced=one.repriced,
                amount=one.charged - one.repriced,
                input_price=one.prices.input,
                cached_input_price=one.prices.cached_input,
                output_price=one.prices.output,
                at=now,
            )
            for one in page
            if one.charged > one.repriced
        ]
        Adjustment.objects.bulk_create(made)
        number += len(made)
    changes = {"run": correction.run, "amount_nano": result.too_much, "events": number}
    audit.record("credit.adjusted", grant, by, changes=changes)


def _sum(organization: Organization, correction: Correction, catalog: "_Catalog", report: Report) -> Result:
    result = Result(organization)
    for page in _repriced(organization, correction, catalog):
        for one in page:
            result.events += 1
            result.charged += one.charged
            result.repriced += one.repriced
            result.too_much += max(0, one.charged - one.repriced)
            result.too_little += max(0, one.repriced - one.charged)
        report(len(page))
    return result


def _repriced(organization: Organization, correction: Correction, catalog: "_Catalog") -> Iterator[list[Repriced]]:
    """Pages of the organization's events of the period. An event without a hold is a case for `verify_ledger`."""
    where = "organization_id = %s AND model = %s AND occurred_at >= %s AND occurred_at < %s"
    params = [organization.pk, correction.model, instant(correction.since), instant(correction.until)]
    for page in pages("usage_usageevent", EventRow._fields, ("occurred_at", "id"), where, params):
        ids = [row[0] for row in page]
        bounds, given = _bounds(ids), _given_back(ids)
        events = [EventRow._make(row) for row in page if row[0] in bounds]
        found = []
        for event in events:
            prices = catalog.prices(event, organization.pk)
            counts = TokenCounts(event.input_tokens, event.cached_input_tokens, event.output_tokens)
            would_be = value(counts, prices, *bounds[event.id])
            found.append(Repriced(event.id, event.charge - given[event.id], would_be, prices))
        yield found


def _bounds(ids: list[int]) -> dict[int, tuple[int, int]]:
    """How many input and output tokens each request could hold for."""
    with connection.cursor() as cursor:
        columns = quoted(("id", "input_bound", "output_cap"))
        cursor.execute(f"SELECT {columns} FROM billing_hold WHERE id IN {placeholders(len(ids))}", ids)  # noqa: S608
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def _given_back(ids: list[int]) -> Counter[int]:
    """What adjustments gave back of each event so far."""
    rows = Adjustment.objects.filter(event__in=ids).order_by().values_list("event_id").annotate(total=Sum("amount"))
    return Counter(dict(rows))


class _Catalog:
    """The right prices of each event."""

    def __init__(self, correction: Correction) -> None:
        self._correction = correction
        self._rows: list[KnownPrice] = price_history.of_model(correction.model)
        self._plans = dict(Subscription.objects.values_list("organization_id", "plan_id"))
        self._starts = sorted({row.effective_from for row in self._rows})
        self._known: dict[Any, UnitPrices | None] = {}

    def prices(self, event: EventRow, organization_id: int) -> UnitPrices:
        """As the operator said, else as the catalog says today, else as charged."""
        pinned = UnitPrices(event.input_price, event.cached_input_price, event.output_price)
        if self._correction.from_catalog:
            return self._of_catalog(event, organization_id) or pinned
        said = self._correction
        return UnitPrices(
            pinned.input if said.input_price is None else said.input_price,
            pinned.cached_input if said.cached_input_price is None else said.cached_input_price,
            pinned.output if said.output_price is None else said.output_price,
        )

    def _of_catalog(self, event: EventRow, organization_id: int) -> UnitPrices | None:
        at = utc(event.occurred_at) or event.occurred_at
        # Between two starts nothing changes.
        what = (organization_id, event.price_ids, bisect_right(self._starts, at))
        if what not in self._known:
            plan_id = pinned_plan(event.price_ids, self._rows) or self._plans.get(organization_id)
            self._known[what] = price_history.prices_at(self._rows, Buyer(organization_id, plan_id), at)
        return self._known[what]
