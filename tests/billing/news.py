"""Messages in the outbox, as a settle that reaches a limit writes them."""

from datetime import timedelta
from typing import Any

import time_machine
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Organization, User
from billing.delivering import deliver_due
from billing.dispatching import dispatch_messages
from billing.models import OutboxMessage


def payload(**over: Any) -> dict[str, Any]:
    """80 % of a key's monthly $100.00."""
    facts = {
        "object": "alert",
        "limit_id": "lim_1",
        "scope": "key",
        "scope_id": "key_1",
        "scope_name": "production-web",
        "measure": "usd",
        "window": "month",
        "starts_at": "2026-11-01T00:00:00Z",
        "resets_at": "2026-12-01T00:00:00Z",
        "threshold_percent": 80,
        "reason": "threshold",
        "limit": "100.00",
        "used": "80.0004",
        "held": "0.50",
        "is_hard": True,
    }
    return {**facts, **over}


def say(organization: Organization, type: str = "limit.threshold_reached", **over: Any) -> OutboxMessage:
    """A message that nobody has dispatched yet."""
    return OutboxMessage.objects.create(
        organization=organization, type=type, payload=payload(**over), created_at=timezone.now()
    )


def verify(*users: User) -> None:
    """Their addresses are confirmed."""
    for user in users:
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def tell() -> int:
    """What the clock does: dispatch, then deliver; the number of attempts."""
    dispatch_messages()
    return deliver_due()


def later(**ago: float) -> Any:
    """Within it, so much time has passed."""
    return time_machine.travel(timezone.now() + timedelta(**ago), tick=False)
