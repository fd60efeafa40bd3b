"""A form that makes something takes effect once, however often and however fast it is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from accounts import idempotency
from accounts.idempotency import Answer, Credential
from dashboard.access import Desk

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """The id of what a form made; and itself, in the one answer to the sending that made it."""

    public_id: str
    fresh: T | None


def once(desk: Desk, form: str, token: str, make: Callable[[], T], id_of: Callable[[T], str]) -> Made[T]:
    """What `make` makes, the first time that the form with this token is sent within a day; raises what it raises.

    Of two that come together the second waits for the first. What failed may be sent again.
    """
    fresh: list[T] = []

    def work() -> Answer:
        fresh.append(make())
        return Answer(201, {"id": id_of(fresh[0])})

    # No secret is kept with it: only the answer that made it shows one.
    whose = Credential(desk.organization.pk, f"form:{desk.user.pk}", "")
    answer = idempotency.once(whose, f"{form}:{token}", form, work)
    return Made(answer.body["id"], None if answer.is_replay else fresh[0])
