"""Would this request be answered? By which rule, and how much of every limit is left. Nothing is held or spent."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction

from billing import admission, callers, windows
from billing.allocation import Moves
from billing.callers import Caller
from billing.models import Hold
from billing.moment import Moment, moment_at
from billing.terms import Admission, Ask, Refusal
from billing.windows import Room
from foundation.ids import FactIds
from foundation.money import usd_string
from foundation.sql import batch_cursor

_RATE_WINDOW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is not sent: a key by its id or by the hash of a secret (32 bytes), and how large it is.

    Without an address the key's networks are not asked; without max_tokens the model's maximum is.
    """

    model: str
    input_tokens: int
    max_tokens: int | None = None
    address: str | None = None
    key_id: int | None = None
    secret_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One limit that applies; amounts as exact decimal strings, `resets_at` ISO 8601 or None."""

    scope: str
    name: str
    limit: str
    used: str
    left: str
    # What the request would take; None where it is refused before that is known.
    needs: str | None
    resets_at: str | None
    is_hard: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rule` is `allowed`, or the kind of the refusal (billing.terms.Refusal), or `rate_limit_exceeded`."""

    allowed: bool
    rule: str
    message: str
    # What the request would hold, USD, and the output cap that it would get.
    holds: str | None
    output_cap: int | None
    output_lowered: bool
    lines: tuple[Line, ...]


def explain(question: Question) -> Explanation:
    """Ask admission itself, in a transaction that is rolled back."""
    with transaction.atomic():
        try:
            return _explain(question)
        finally:
            transaction.set_rollback(True)


def _explain(question: Question) -> Explanation:
    moment = moment_at()
    moves = Moves()
    with batch_cursor() as cursor:
        found = _found(question, moment)
        if found is None:
            return Explanation(False, "invalid_key", "The API key is not valid.", None, None, False, ())
        if question.address is None:
            found = replace(found, principal=replace(found.principal, networks=()))
        ask = _ask(question, found)
        world = admission.look(cursor, [ask], [found], moves, moment)
        rooms = [replace(room) for room in windows.of_caller(world.rooms, found)]
        credit = world.credit.get(found.principal.organization_id, [])
        had = sum(each.available for each in credit if each.available > 0)
        total, used = sum(each.amount for each in credit), sum(each.used for each in credit)
        answer = admission.decide(ask, found, world, FactIds(0))
    rates = _rates(found, moment.now - _RATE_WINDOW)
    admitted = answer if isinstance(answer, Admission) else None
    held = usd_string(admitted.amount) if admitted else None
    lines = [*rates, *(_line(room, admitted) for room in rooms)]
    lines.append(Line("organization", "credit", usd_string(total), usd_string(used), usd_string(had), held, None))
    return _answered(answer, rates, tuple(lines))


def _found(question: Question, moment: Moment) -> Caller | None:
    if question.secret_hash is not None:
        fingerprint = question.secret_hash.hex()
        return callers.by_secret([fingerprint], moment.now).get(fingerprint)
    if question.key_id is None:
        raise ValueError("A question names a key by its id or by the hash of its secret.")
    return callers.by_key([question.key_id], moment.now).get(question.key_id)


def _answered(answer: admission.Answer, rates: list[Line], lines: tuple[Line, ...]) -> Explanation:
    if isinstance(answer, Refusal) and answer.kind in admission.CALLER_REFUSALS:
        return Explanation(False, answer.kind, answer.message, None, None, False, lines)
    for rate in rates:
        if rate.left == "0":
            message = f"The {rate.scope} used its {rate.limit} requests of the last 60 seconds. Wait and try again."
            return Explanation(False, "rate_limit_exceeded", message, None, None, False, lines)
    if isinstance(answer, Refusal):
        return Explanation(False, answer.kind, answer.message, None, None, False, lines)
    message = f"Allowed: it would hold up to ${usd_string(answer.amount)}."
    return Explanation(
        True, "allowed", message, usd_string(answer.amount), answer.output_cap, answer.output_lowered, lines
    )


def _ask(question: Question, found: Caller) -> Ask:
    principal = found.principal
    return Ask(
        key_id=principal.key_id,
        secret_hash=question.secret_hash,
        organization_rpm=principal.organization_rpm,
        key_rpm=principal.key_rpm,
        model=question.model,
        address=question.address or "",
        input_tokens=question.input_tokens,
        input_bound=question.input_tokens,
        max_tokens=question.max_tokens,
        stream=False,
        request_id="",
    )


def _line(room: Room, admitted: Admission | None) -> Line:
    needs = 1 if room.measure == windows.REQUESTS else None
    if admitted:
        needs = windows.need(room.measure, admitted.amount, admitted.input_bound + admitted.output_cap)
    return Line(
        scope=room.scope,
        name=room.name,
        limit=room.said(room.amount),
        used=room.said(room.used),
        left=room.said(room.left),
        needs=None if needs is None else room.said(needs),
        resets_at=room.resets_at,
        is_hard=room.is_hard,
    )


def _rates(found: Caller, since: object) -> list[Line]:
    """Requests admitted in the last 60 seconds against the plan's and the key's rate."""
    principal = found.principal
    recent = Hold.objects.filter(organization_id=principal.organization_id, admitted_at__gt=since)
    counts = [("organization", principal.organization_rpm, recent)]
    if principal.key_rpm is not None:
        counts.append(("key", principal.key_rpm, recent.filter(api_key_id=principal.key_id)))
    lines = []
    for scope, limit, rows in counts:
        used = rows.count()
        left = str(max(0, limit - used))
        lines.append(Line(scope, "requests per minute", str(limit), str(used), left, "1", None))
    return lines
