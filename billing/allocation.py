"""Which grants carry a hold, and which of them a charge burns: pure arithmetic over what the database said."""

from dataclasses import dataclass, field

from billing.terms import Leg


@dataclass(slots=True)
class Credit:
    """One live grant as read at the start of the batch, in the order of burning; nano-USD."""

    grant_id: int
    source: str
    amount: int
    used: int
    available: int


@dataclass(slots=True)
class Move:
    """The summed change of one grant in a batch."""

    held: int = 0
    burned: int = 0
    # A new hold stands on it: the grant must still be live at the moment of the update.
    needs_life: bool = False


@dataclass(slots=True)
class Moves:
    """The summed changes of all grants in a batch, so that each row is updated once."""

    by_grant: dict[int, Move] = field(default_factory=dict)

    def place(self, legs: tuple[Leg, ...]) -> None:
        """Hold on every leg."""
        for leg in legs:
            move = self.by_grant.setdefault(leg.grant_id, Move())
            move.held += leg.amount
            move.needs_life = True

    def lift(self, legs: tuple[Leg, ...], burned: list[Leg]) -> None:
        """End a hold: take every leg away and burn what was charged."""
        for leg in legs:
            self.by_grant.setdefault(leg.grant_id, Move()).held -= leg.amount
        for leg in burned:
            self.by_grant.setdefault(leg.grant_id, Move()).burned += leg.amount

    def effect(self, grant_id: int) -> int:
        """Nano-USD by which the grant's availability shrinks in this batch so far."""
        move = self.by_grant.get(grant_id)
        return move.held + move.burned if move else 0


def allocate(credits: list[Credit], amount: int) -> tuple[Leg, ...] | None:
    """Legs for `amount` nano-USD in the order of burning, taken from `credits`; None when they do not suffice."""
    if sum(credit.available for credit in credits) < amount:
        return None
    legs = []
    left = amount
    for credit in credits:
        if left == 0:
            break
        part = min(left, credit.available)
        if part > 0:
            credit.available -= part
            left -= part
            legs.append(Leg(credit.grant_id, part))
    return tuple(legs)


def burn(legs: tuple[Leg, ...], charge: int) -> list[Leg]:
    """The part of each leg that the charge burns, first leg first; charge must not exceed the legs."""
    burned = []
    left = charge
    for leg in legs:
        part = min(left, leg.amount)
        if part > 0:
            burned.append(Leg(leg.grant_id, part))
            left -= part
    if left:
        raise ValueError("A charge cannot exceed its hold.")
    return burned
