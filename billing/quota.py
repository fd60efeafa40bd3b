"""Say which limit refused: whose it is, how much is used of how much, and when it resets."""

from dataclasses import dataclass
from datetime import datetime

from billing.allocation import Credit
from billing.callers import Caller
from billing.terms import Refusal
from billing.windows import Room
from foundation import periods
from foundation.money import usd_string


@dataclass(frozen=True, slots=True)
class Shortage:
    """A request needs `needed` of a window that has less left; without a window: of credit (nano-USD)."""

    needed: int
    room: Room | None = None


def window_refusal(caller: Caller, shortage: Shortage, at_least: bool) -> Refusal:
    """Refused by a spending limit."""
    room = shortage.room
    assert room is not None
    who = caller.principal
    name = {"key": who.key_name, "project": caller.project_name}.get(room.scope, who.organization_name)
    unit = {"usd": "${}", "tokens": "{} tokens", "requests": "{} requests"}[room.measure]
    used, limit = room.said(room.used), room.said(room.amount)
    needs = unit.format(room.said(shortage.needed)) if room.measure != "requests" else "1 request"
    resets_at = room.resets_at
    message = (
        f"Quota exceeded: the {room.scope} {name} has used or set aside {unit.format(used)} of its "
        f"{room.name} of {unit.format(limit)}, and this request needs {'at least' if at_least else 'up to'} {needs}. "
        f"{f'It resets at {resets_at}. ' if resets_at else ''}Raise the limit{_or_less(room)}."
    )
    facts = {"scope": room.scope, "name": room.name, "used": used, "limit": limit, "resets_at": resets_at}
    return Refusal("insufficient_quota", message, who, limit=facts, window_id=room.window_id)


def _or_less(room: Room) -> str:
    return "" if room.measure == "requests" else " or lower max_tokens"


def credit_refusal(caller: Caller, credits: list[Credit], needed: int, now: datetime) -> Refusal:
    """Refused because the organization's credit does not suffice."""
    total = sum(credit.amount for credit in credits)
    used = sum(credit.used for credit in credits)
    resets_at = None
    if caller.monthly_credit and caller.confirmed:
        resets_at = periods.iso(periods.next_month_start(now, caller.zone))
    name = caller.principal.organization_name
    reset = f"It resets at {resets_at}. " if resets_at else ""
    wait = "" if caller.confirmed else "Confirm your e-mail address: credit waits for it. "
    message = (
        f"Quota exceeded: the organization {name} has used or set aside ${usd_string(used)} of its "
        f"${usd_string(total)} credit, and this request needs up to ${usd_string(needed)}. "
        f"{reset}{wait}Add credit, upgrade the plan or lower max_tokens."
    )
    limit = {
        "scope": "organization",
        "name": "credit",
        "used": usd_string(used),
        "limit": usd_string(total),
        "resets_at": resets_at,
    }
    return Refusal("insufficient_quota", message, caller.principal, limit=limit)
