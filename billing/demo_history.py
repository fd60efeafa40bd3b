"""Book the demo organization's past: every request is held and settled by the same code as a live one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import orjson
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ApiKey
from accounts.principal import ACTIVE, Principal
from billing import demo_organization, demo_traffic, grants, offers, rating, settlement
from billing.allocation import Credit, Moves, allocate, burn
from billing.demo_organization import Demo
from billing.demo_traffic import Request
from billing.models import CreditGrant, GrantKind, Hold, HoldState, MeteringProcess, Subscription
from billing.moment import LEASE
from billing.offers import Offer
from billing.terms import Admission, Outcome
from catalog.models import Plan
from foundation import periods
from foundation.ids import fact_id
from foundation.money import NANO, UnitPrices
from foundation.sql import Cursor, batch_cursor
from usage import rollups

DAYS = 90
_SEED = 20
_TOP_UP = 50 * NANO
# Jonas pays when less than this is left in the morning, nano-USD.
_LOW = 15 * NANO
_BATCH = 500


class MissingModel(RuntimeError):
    """The catalog does not sell a model that the demo uses."""


@dataclass(slots=True)
class _Purse:
    """The organization's grants in the order of burning, as admission reads them."""

    grants: list[CreditGrant] = field(default_factory=list)

    def live(self, at: datetime) -> list[Credit]:
        """What may be held at this instant."""
        live = [
            grant for grant in self.grants if grant.starts_at <= at and (not grant.expires_at or grant.expires_at > at)
        ]
        never = datetime.max.replace(tzinfo=UTC)
        live.sort(key=lambda grant: (grant.priority, grant.expires_at or never, grant.is_paid, grant.pk))
        return [
            Credit(grant.pk, grant.source, grant.amount, grant.burned, grant.amount - grant.burned) for grant in live
        ]

    def add(self, grant: CreditGrant | None) -> None:
        """A grant that was just given."""
        if grant is not None:
            self.grants.append(grant)

    def take(self, burned: dict[int, int]) -> None:
        """Burn nano-USD by grant id."""
        for grant in self.grants:
            grant.burned += burned.get(grant.pk, 0)


@dataclass(slots=True)
class _Books:
    """What is needed to book one request after the other."""

    demo: Demo
    plan: Plan
    offers: dict[str, Offer]
    principals: dict[str, Principal]
    process: int
    random: Random
    purse: _Purse = field(default_factory=_Purse)
    last_id: int = 0

    @property
    def zone(self) -> ZoneInfo:
        return self.demo.organization.zone


def make(password: str, report: Callable[[int, int], None], now: datetime | None = None, days: int = DAYS) -> int:
    """The demo organization with its usage, in one transaction; the number of requests.

    `report` is told (days booked, days).
    """
    now = now or timezone.now()
    random = Random(_SEED)  # noqa: S311
    with transaction.atomic(), batch_cursor() as cursor:
        demo = demo_organization.found(password, now, timedelta(days=days))
        books = _open(cursor, demo, random, now)
        booked = 0
        today = periods.day_of(now, books.zone)
        for number, requests in enumerate(demo_traffic.requests(days, now, books.zone, random), start=1):
            _fund(books, today - timedelta(days=days - number), now)
            for start in range(0, len(requests), _BATCH):
                _book(cursor, books, requests[start : start + _BATCH])
            booked += len(requests)
            report(number, days)
        CreditGrant.objects.bulk_update(books.purse.grants, ["burned"])
        rollups.fold_pending()
    return booked


def _open(cursor: Cursor, demo: Demo, random: Random, now: datetime) -> _Books:
    names = sorted({name for habit in demo_traffic.HABITS for name, _ in habit.models})
    found = offers.load(cursor, names, now, connection.ops.adapt_datetimefield_value(now))
    # The ids of the past must not meet those of a process that runs now.
    process = MeteringProcess.objects.create(host="demo")
    plan = Subscription.objects.select_related("plan").get(organization=demo.organization).plan
    principals = {name: _principal(key) for name, key in demo.keys.items()}
    return _Books(demo, plan, found, principals, process.pk, random)


def _fund(books: _Books, day: date, now: datetime) -> None:
    """The plan's credit of the month, and a payment on a morning when little is left."""
    organization, zone, plan = books.demo.organization, books.zone, books.plan
    morning = min(periods.day_start(day, zone) + timedelta(hours=8, minutes=12), now)
    source = grants.monthly_source(plan.code, zone, morning)
    if all(grant.source != source for grant in books.purse.grants):
        start = max(periods.month_start(morning, zone), organization.created_at)
        ends = periods.next_month_start(morning, zone)
        note = f"{plan.name} plan, {day:%B %Y}"
        books.purse.add(
            grants.give(
                organization, plan.monthly_credit, GrantKind.PLAN, source=source, note=note, expires_at=ends, at=start
            )
        )
    if sum(credit.available for credit in books.purse.live(morning)) < _LOW:
        source = f"payment:demo-{len(books.purse.grants)}"
        books.purse.add(grants.give(organization, _TOP_UP, GrantKind.PAYMENT, source=source, note="Card", at=morning))


def _book(cursor: Cursor, books: _Books, requests: list[Request]) -> None:
    """Hold and settle: events, ledger entries and pending rollups come from settlement itself."""
    moves = Moves()
    outcomes = [_outcome(books, request, moves) for request in requests]
    Hold.objects.bulk_create([_hold(outcome.admission) for outcome in outcomes])
    settlement.settle(cursor, outcomes, moves)


def _outcome(books: _Books, request: Request, moves: Moves) -> Outcome:
    prices, price_ids = _prices(books, request.model)
    bound = request.counts.prompt * 5
    amount = rating.hold(bound, request.cap, prices)
    legs = allocate(books.purse.live(request.at), amount)
    if legs is None:
        raise RuntimeError(f"The demo organization ran out of credit on {request.at:%Y-%m-%d}.")
    moves.place(legs, ())
    books.purse.take({leg.grant_id: leg.amount for leg in burn(legs, rating.charge(request.counts, prices))})
    principal = books.principals[request.habit.key]
    person = books.demo.people.get(request.habit.person)
    at = request.at.timestamp()
    admission = Admission(
        hold_id=_next_id(books, request.at),
        principal=principal,
        request_id=f"req_{books.random.getrandbits(96):024x}",
        model=request.model,
        targets=(),
        input_bound=bound,
        output_cap=request.cap,
        output_lowered=False,
        prices=prices,
        price_ids=price_ids,
        amount=amount,
        legs=legs,
        admitted_at=at,
        stream=request.habit.stream,
        user_id=person.pk if person and principal.secret_id is None else None,
    )
    return Outcome(
        admission=admission,
        counts=request.counts,
        usage_source=request.usage_source,
        finish_reason=request.finish_reason,
        provider_id=None,
        first_token_at=at + request.first_token_ms / 1000,
        finished_at=at + request.duration_ms / 1000,
        status=request.status,
        error_code="" if request.status == 200 else request.finish_reason,
    )


def _prices(books: _Books, model: str) -> tuple[UnitPrices, tuple[int, int, int]]:
    """As admission pins them today: the demo's past knows no other prices."""
    offer = books.offers.get(model)
    found = offer.prices(books.demo.organization.pk, books.plan.pk) if offer else None
    if found is None:
        raise MissingModel(f"The demo needs the model {model} with a price. Run `manage.py seed_catalog`.")
    return found


def _next_id(books: _Books, at: datetime) -> int:
    """Ordered by the time at which the request was made."""
    made = fact_id(int(at.timestamp() * 1000), books.process, 0)
    books.last_id = max(made, books.last_id + 1)
    return books.last_id


def _principal(key: ApiKey) -> Principal:
    return Principal(
        key_id=key.pk,
        key_name=key.name,
        organization_id=key.organization_id,
        organization_name="",
        project_id=key.project_id,
        user_id=key.owner_id,
        state=ACTIVE,
        suspended=False,
        scopes=frozenset(),
        models=None,
        networks=(),
        organization_rpm=0,
        key_rpm=None,
        secret_id=None if key.is_playground else key.secrets.get().pk,
    )


def _hold(admission: Admission) -> Hold:
    principal = admission.principal
    at = datetime.fromtimestamp(admission.admitted_at, UTC)
    return Hold(
        id=admission.hold_id,
        organization_id=principal.organization_id,
        project_id=principal.project_id,
        api_key_id=principal.key_id,
        secret_id=principal.secret_id,
        user_id=admission.user_id,
        request_id=admission.request_id,
        model=admission.model,
        stream=admission.stream,
        state=HoldState.ACTIVE,
        amount=admission.amount,
        legs=orjson.dumps([[leg.grant_id, leg.amount] for leg in admission.legs]).decode(),
        input_bound=admission.input_bound,
        output_cap=admission.output_cap,
        input_price=admission.prices.input,
        cached_input_price=admission.prices.cached_input,
        output_price=admission.prices.output,
        price_ids=",".join(map(str, admission.price_ids)),
        admitted_at=at,
        lease_until=at + LEASE,
    )
