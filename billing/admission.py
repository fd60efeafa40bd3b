"""Admit: is the key alive, may it use the model, what does it cost, and is there credit to hold for it?

Everything is read in the transaction that places the hold, so a revoked key, a suspended organization or a changed
limit takes effect on the very next request of every process.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

import orjson
from django.utils import timezone

from accounts.principal import ACTIVE
from billing import callers, grants, offers, rating, windows
from billing.allocation import Credit, Moves, allocate, effect
from billing.callers import Caller, Inquiry
from billing.models import Hold
from billing.moment import Moment
from billing.offers import Offer
from billing.quota import Shortage, credit_refusal, window_refusal
from billing.terms import Admission, Ask, Leg, Refusal, WindowLeg
from billing.windows import Room, Rooms
from foundation.ids import FactIds
from foundation.money import UnitPrices
from foundation.sql import Cursor, Table, distinct

CHAT = "chat"
# By priority, then expiry, then free before paid, then age.
_CREDITS = """
    SELECT organization_id, id, source, amount, burned, held FROM billing_creditgrant
    WHERE starts_at <= %s AND (expires_at IS NULL OR expires_at > %s) AND organization_id = ANY(%s)
    ORDER BY priority, expires_at IS NULL, expires_at, is_paid, id"""
_HOLDS = Table(
    "billing_hold",
    {
        "id": "bigint", "organization_id": "bigint", "project_id": "bigint", "api_key_id": "bigint",
        "secret_id": "bigint", "user_id": "bigint", "request_id": "text", "model": "text", "stream": "boolean",
        "state": "text", "amount": "bigint", "legs": "text", "window_legs": "text", "input_bound": "bigint",
        "output_cap": "bigint", "input_price": "bigint", "cached_input_price": "bigint", "output_price": "bigint",
        "price_ids": "text", "admitted_at": "timestamptz", "lease_until": "timestamptz",
    },
)  # fmt: skip

Answer = Admission | Refusal
# Refusals that come before the rate limit.
CALLER_REFUSALS = frozenset(
    {"invalid_key", "disabled", "revoked", "expired", "insufficient_permissions", "ip_not_allowed",
     "organization_suspended"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Terms:
    """What one request would hold."""

    offer: Offer
    prices: UnitPrices
    price_ids: tuple[int, int, int]
    input_bound: int
    output_cap: int


@dataclass(frozen=True, slots=True)
class _Held:
    """What is set aside for one request."""

    cap: int
    amount: int
    legs: tuple[Leg, ...]
    window_legs: tuple[WindowLeg, ...]


@dataclass(slots=True)
class World:
    """What the database says of everything that a batch touches; counted down in memory as the batch is decided."""

    found: list[Caller | None]
    offers: dict[str, Offer]
    credit: dict[int, list[Credit]]
    rooms: Rooms
    moves: Moves
    moment: Moment
    refused_windows: dict[int, None] = field(default_factory=dict)


def inquire(cursor: Cursor, asks: list[Ask]) -> Inquiry:
    """Ask the database who these come from."""
    return callers.inquire(
        cursor,
        distinct(ask.secret_hash.hex() for ask in asks if ask.secret_hash is not None),
        distinct(ask.key_id for ask in asks if ask.secret_hash is None),
    )


def found_callers(asks: list[Ask], inquiry: Inquiry, moment: Moment) -> list[Caller | None]:
    """The caller of every ask, None for nobody's."""
    by_secret, by_key = inquiry.answer(moment.now)
    return [by_key.get(ask.key_id) if ask.secret_hash is None else by_secret.get(ask.secret_hash.hex()) for ask in asks]


def admit(asks: list[Ask], world: World, ids: FactIds) -> list[Answer]:
    """An admission or a refusal for every ask, in their order; adds the legs of new holds to the world's moves."""
    return [decide(ask, caller, world, ids) for ask, caller in zip(asks, world.found, strict=True)]


def look(cursor: Cursor, asks: list[Ask], found: list[Caller | None], moves: Moves, moment: Moment) -> World:
    """Read everything that the asks depend on, in the transaction that will place their holds."""
    revision = next((caller.revision for caller in found if caller), None)
    return World(
        found=found,
        offers=offers.find(cursor, distinct(ask.model for ask in asks), revision, moment),
        credit=_credits(cursor, found, moves, moment),
        rooms=windows.load(cursor, found, {pk: effect(moves.by_window, pk) for pk in moves.by_window}, moment),
        moves=moves,
        moment=moment,
    )


def recent(seconds: int = 60) -> list[tuple[int, int, float]]:
    """(organization id, key id, unix seconds) of everything admitted in the last seconds, oldest first."""
    since = timezone.now() - timedelta(seconds=seconds)
    rows = Hold.objects.filter(admitted_at__gt=since).order_by("admitted_at")
    return [
        (organization_id, key_id, at.timestamp())
        for organization_id, key_id, at in rows.values_list("organization_id", "api_key_id", "admitted_at")
    ]


def _credits(cursor: Cursor, found: list[Caller | None], moves: Moves, moment: Moment) -> dict[int, list[Credit]]:
    """Live grants by organization in the order of burning, this month's plan credit made where it is missing."""
    organizations = {caller.principal.organization_id: caller for caller in found if caller}
    if not organizations:
        return {}
    credit = _read_credits(cursor, list(organizations), moves, moment)
    was_missing = False
    # In one order, so that processes cannot deadlock.
    for organization_id, caller in sorted(organizations.items()):
        if not caller.monthly_credit or not caller.confirmed:
            continue
        sources = grants.monthly_sources(caller.plan_code)
        if not any(known.source.startswith(sources) for known in credit.get(organization_id, ())):
            # Made here or by another process meanwhile: there is something to read.
            grants.ensure_monthly(organization_id, moment.now)
            was_missing = True
    return _read_credits(cursor, list(organizations), moves, moment) if was_missing else credit


def _read_credits(cursor: Cursor, organization_ids: list[int], moves: Moves, moment: Moment) -> dict[int, list[Credit]]:
    rows = cursor.execute(_CREDITS, [moment.value, moment.value, organization_ids]).fetchall()
    credit: dict[int, list[Credit]] = {}
    for organization_id, grant_id, source, amount, burned, held in rows:
        used = burned + held + effect(moves.by_grant, grant_id)
        credit.setdefault(organization_id, []).append(Credit(grant_id, source, amount, used, amount - used))
    return credit


def decide(ask: Ask, caller: Caller | None, world: World, ids: FactIds) -> Answer:
    """One ask against what the asks before it left."""
    refusal = refuse_caller(ask, caller)
    if refusal or caller is None:
        return refusal or _invalid_key()
    terms = _terms(ask, caller, world.offers.get(ask.model))
    if isinstance(terms, Refusal):
        return terms
    answer = _hold(ask, caller, terms, world, ids)
    if isinstance(answer, Refusal) and answer.window_id is not None:
        world.refused_windows[answer.window_id] = None
    return answer


def _invalid_key() -> Refusal:
    return Refusal("invalid_key", "The API key is not valid.")


def refuse_caller(ask: Ask, caller: Caller | None) -> Refusal | None:
    """The first reason why this caller may not ask at all, in the order of the contract."""
    if caller is None or caller.principal.key_id != ask.key_id:
        return _invalid_key()
    principal = caller.principal
    if principal.state != ACTIVE:
        return Refusal(principal.state, f"The API key is {principal.state}.", principal)
    if CHAT not in principal.scopes:
        return Refusal("insufficient_permissions", "This key has no permission to chat.", principal)
    if principal.networks and not _inside(ask.address, principal.networks):
        return Refusal("ip_not_allowed", "This key may not be used from this address.", principal)
    if principal.suspended:
        return Refusal("organization_suspended", "The organization is suspended.", principal)
    if (principal.organization_rpm, principal.key_rpm) != (ask.organization_rpm, ask.key_rpm):
        return Refusal("stale", "The rate limits changed.", principal)
    return None


@lru_cache(maxsize=4096)
def _inside(address: str, networks: tuple[str, ...]) -> bool:
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped:
        caller = caller.ipv4_mapped
    return any(caller in ipaddress.ip_network(network) for network in networks)


def _terms(ask: Ask, caller: Caller, offer: Offer | None) -> _Terms | Refusal:
    """Model, context, prices and caps; what the client named is never changed but for the model's own maximum."""
    principal = caller.principal
    if offer is None:
        return Refusal("model_not_found", f"The model `{ask.model}` does not exist.", principal)
    if principal.models is not None and offer.name not in principal.models:
        return Refusal("model_not_allowed", f"This key may not use the model `{ask.model}`.", principal)
    if ask.input_tokens + (ask.max_tokens or 1) > offer.context_length:
        return _too_long(ask, offer, principal_of=caller)
    priced = offer.prices(principal.organization_id, caller.plan_id)
    if priced is None:
        return Refusal("no_price", f"The model `{ask.model}` has no price yet.", principal)
    if not offer.targets:
        return Refusal("no_route", f"The model `{ask.model}` has no provider at the moment.", principal)
    most = min(offer.max_output, offer.context_length - ask.input_tokens)
    return _Terms(
        offer=offer,
        prices=priced[0],
        price_ids=priced[1],
        input_bound=ask.input_tokens if offer.has_vocabulary else ask.input_bound,
        output_cap=min(ask.max_tokens, most) if ask.max_tokens else most,
    )


def _too_long(ask: Ask, offer: Offer, principal_of: Caller) -> Refusal:
    requested = ask.max_tokens or 1
    message = (
        f"This model's maximum context length is {offer.context_length} tokens. However, you requested "
        f"{ask.input_tokens + requested} tokens ({ask.input_tokens} in the messages, {requested} in the completion). "
        "Shorten the messages or lower max_tokens."
    )
    return Refusal("context_length_exceeded", message, principal_of.principal, context=offer.context_length)


def _hold(ask: Ask, caller: Caller, terms: _Terms, world: World, ids: FactIds) -> Answer:
    """Hold on every window and grant, or refuse by the first that has no room: key, project, organization, credit."""
    rooms = windows.of_caller(world.rooms, caller)
    credits = world.credit.get(caller.principal.organization_id, [])
    cap = _fitting_cap(ask, terms, rooms, credits)
    if isinstance(cap, Shortage):
        if cap.room is not None:
            return window_refusal(caller, cap, ask.max_tokens is None)
        return credit_refusal(caller, credits, cap.needed, world.moment.now)
    amount = rating.hold(terms.input_bound, cap, terms.prices)
    legs = allocate(credits, amount)
    assert legs is not None
    return _placed(ask, caller, terms, world, ids, _Held(cap, amount, legs, _take(rooms, amount, terms, cap)))


def _fitting_cap(ask: Ask, terms: _Terms, rooms: list[Room], credits: list[Credit]) -> int | Shortage:
    """The output cap that every window and the credit have room for; lowered only where the client named none."""
    cap = terms.output_cap
    shortage = _shortage(terms, cap, rooms, credits)
    if shortage is None:
        return cap
    if ask.max_tokens is not None:
        return shortage
    lowered = min(cap, _affordable(terms, rooms, credits))
    return lowered if lowered >= 1 else _shortage(terms, 1, rooms, credits) or shortage


def _shortage(terms: _Terms, cap: int, rooms: list[Room], credits: list[Credit]) -> Shortage | None:
    """The first window, else the credit, that has no room for a request of this size."""
    amount = rating.hold(terms.input_bound, cap, terms.prices)
    for room in rooms:
        needed = windows.need(room.measure, amount, terms.input_bound + cap)
        if room.refuses(needed):
            return Shortage(needed, room)
    if amount > _available(credits):
        return Shortage(amount)
    return None


def _affordable(terms: _Terms, rooms: list[Room], credits: list[Credit]) -> int:
    """The largest output cap that fits everywhere, 0 where not even a request does."""
    money = _available(credits)
    most = terms.output_cap
    for room in rooms:
        if not room.is_hard:
            continue
        # Negative where the limit was lowered under what is used.
        left = room.amount - room.used
        if room.measure == windows.USD:
            money = min(money, left)
        elif room.measure == windows.TOKENS:
            most = min(most, left - terms.input_bound)
        elif left < 1:
            return 0
    by_money = rating.affordable_output(money, terms.input_bound, terms.prices)
    return most if by_money is None else min(most, by_money)


def _available(credits: list[Credit]) -> int:
    return sum(credit.available for credit in credits if credit.available > 0)


def _take(rooms: list[Room], amount: int, terms: _Terms, cap: int) -> tuple[WindowLeg, ...]:
    legs = tuple(windows.leg(room, amount, terms.input_bound + cap) for room in rooms)
    for room, leg in zip(rooms, legs, strict=True):
        room.used += leg.amount
    return legs


def _placed(ask: Ask, caller: Caller, terms: _Terms, world: World, ids: FactIds, held: _Held) -> Admission:
    world.moves.place(held.legs, held.window_legs)
    return Admission(
        hold_id=ids.next(),
        principal=caller.principal,
        request_id=ask.request_id,
        model=terms.offer.name,
        targets=terms.offer.targets,
        input_bound=terms.input_bound,
        output_cap=held.cap,
        output_lowered=held.cap < terms.output_cap,
        prices=terms.prices,
        price_ids=terms.price_ids,
        amount=held.amount,
        legs=held.legs,
        admitted_at=world.moment.now.timestamp(),
        stream=ask.stream,
        user_id=ask.user_id or caller.principal.user_id,
        window_legs=held.window_legs,
    )


def write(cursor: Cursor, answers: list[Answer], moment: Moment) -> None:
    """Insert the holds of what was admitted."""
    rows = [
        (
            made.hold_id,
            made.principal.organization_id,
            made.principal.project_id,
            made.principal.key_id,
            made.principal.secret_id,
            made.user_id,
            made.request_id,
            made.model,
            made.stream,
            "active",
            made.amount,
            orjson.dumps([(leg.grant_id, leg.amount) for leg in made.legs]).decode(),
            _window_legs(made.window_legs),
            made.input_bound,
            made.output_cap,
            made.prices.input,
            made.prices.cached_input,
            made.prices.output,
            ",".join(map(str, made.price_ids)),
            moment.value,
            moment.lease_value,
        )
        for made in answers
        if isinstance(made, Admission)
    ]
    cursor.insert(_HOLDS, rows)


def _window_legs(legs: tuple[WindowLeg, ...]) -> str:
    if not legs:
        return "[]"
    return orjson.dumps([(leg.window_id, leg.measure, leg.amount) for leg in legs]).decode()
