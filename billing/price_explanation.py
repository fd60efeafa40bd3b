"""Why a request cost what it cost: tokens x price of each class, which price it was and why, rounding and overrun.

The lines sum to the charge exactly, in integers of pico-USD.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing import price_history
from billing.models import Adjustment, Subscription
from billing.price_history import CLASSES, Buyer, KnownPrice
from foundation.money import PICO_PER_NANO, UnitPrices
from foundation.periods import iso
from usage.counts import TokenCounts
from usage.models import UsageEvent
from usage.models.event import CORRECTIONS

ROUNDING, OVERRUN = "rounding", "overrun"


class Unexplained(ValueError):
    """The lines do not sum to the charge: the event was not charged by its prices."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What was charged; `charge` and `overrun` in nano-USD."""

    at: datetime
    counts: TokenCounts
    prices: UnitPrices
    price_ids: tuple[int, int, int]
    charge: int
    overrun: int
    is_correction: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the charge: a token class, the rounding or the overrun. `unit_price` and `amount` in pico-USD."""

    name: str
    amount: int
    why: str
    count: int | None = None
    unit_price: int | None = None
    # The row that was pinned, and the rows that would have held without it: narrower before wider, then newer first.
    price: KnownPrice | None = None
    overrode: tuple[KnownPrice, ...] = ()
    # What the catalog says today for that moment, when it is another price.
    corrected: KnownPrice | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The lines of one usage event; `charge` and `given_back` in nano-USD."""

    event_id: int
    request_id: str
    model: str
    organization: str
    at: datetime
    lines: tuple[Line, ...]
    charge: int
    # By the repricing that gave it.
    given_back: tuple[tuple[str, int], ...] = ()


def of_request(reference: str) -> list[Explanation]:
    """Explanations of the usage events with this request id or event id."""
    events = UsageEvent.objects.select_related("organization")
    found = list(events.filter(request_id=reference).order_by("pk"))
    if not found and reference.isdecimal():
        found = list(events.filter(pk=int(reference)))
    return [of_event(event) for event in found]


def of_event(event: UsageEvent) -> Explanation:
    """The lines with what the catalog knows of their prices; raises Unexplained."""
    ids = [int(text) for text in event.price_ids.split(",")]
    charge = Charge(
        at=event.occurred_at,
        counts=TokenCounts(event.input_tokens, event.cached_input_tokens, event.output_tokens),
        prices=UnitPrices(event.input_price, event.cached_input_price, event.output_price),
        price_ids=(ids[0], ids[1], ids[2]),
        charge=event.charge,
        overrun=event.overrun,
        is_correction=event.usage_source in CORRECTIONS,
    )
    catalog = price_history.of_model(event.model)
    given_back = Adjustment.objects.filter(event=event).order_by("pk").values_list("run", "amount")
    return Explanation(
        event_id=event.pk,
        request_id=event.request_id,
        model=event.model,
        organization=event.organization.name,
        at=event.occurred_at,
        lines=explain(charge, catalog, buyer_of(event, catalog)),
        charge=event.charge,
        given_back=tuple(given_back),
    )


def buyer_of(event: UsageEvent, catalog: Sequence[KnownPrice]) -> Buyer:
    """The plan is the one whose price was charged; where none was, the one of today."""
    plans = Subscription.objects.filter(organization_id=event.organization_id).values_list("plan_id", flat=True)
    return Buyer(event.organization_id, pinned_plan(event.price_ids, catalog) or plans.first())


def pinned_plan(price_ids: str, catalog: Sequence[KnownPrice]) -> int | None:
    """The plan for which one of the pinned prices was."""
    ids = set(price_ids.split(","))
    return next((row.plan_id for row in catalog if row.plan_id and str(row.price_id) in ids), None)


def explain(charge: Charge, catalog: Sequence[KnownPrice], buyer: Buyer) -> tuple[Line, ...]:
    """A line a token class, then what rounding and the hold took off; raises Unexplained."""
    lines = [_class_line(number, charge, catalog, buyer) for number in range(len(CLASSES))]
    rounding = sum(line.amount for line in lines) - (charge.charge + charge.overrun) * PICO_PER_NANO
    # A correction is the difference of two charges that were both rounded down.
    if not (-PICO_PER_NANO if charge.is_correction else -1) < rounding < PICO_PER_NANO:
        raise Unexplained(f"The lines sum to {sum(line.amount for line in lines)} pico-USD, not to the charge.")
    if rounding:
        lines.append(Line(ROUNDING, -rounding, "down to whole nano-USD"))
    if charge.overrun:
        lines.append(Line(OVERRUN, -charge.overrun * PICO_PER_NANO, "beyond what was held: borne by the operator"))
    return tuple(lines)


def _class_line(number: int, charge: Charge, catalog: Sequence[KnownPrice], buyer: Buyer) -> Line:
    name = CLASSES[number]
    count = (charge.counts.input, charge.counts.cached_input, charge.counts.output)[number]
    unit_price = (charge.prices.input, charge.prices.cached_input, charge.prices.output)[number]
    pinned = next((row for row in catalog if row.price_id == charge.price_ids[number]), None)
    known = price_history.applying(catalog, name, buyer, charge.at, known_at=charge.at)
    today = price_history.applying(catalog, name, buyer, charge.at)
    is_other = bool(today) and today[0].unit_price != unit_price
    return Line(
        name=name,
        amount=count * unit_price,
        why=_why(pinned),
        count=count,
        unit_price=unit_price,
        price=pinned,
        overrode=tuple(row for row in known if row != pinned),
        corrected=today[0] if is_other else None,
    )


def _why(pinned: KnownPrice | None) -> str:
    if pinned is None:
        return "pinned at admission; its row is gone from the catalog"
    return f"price {pinned.price_id} {pinned.scope_name} from {iso(pinned.effective_from)}"
