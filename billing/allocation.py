"""What a batch takes from and gives back to grants and windows: pure arithmetic over what the database said."""

from dataclasses import dataclass, field

from billing.terms import Leg, WindowLeg


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
    """The summed change of one grant or window in a batch; what is burned of a grant is settled on a window."""

    held: int = 0
    burned: int = 0
    # A new hold stands on it: it must still be live and have the room at the moment of the update.
    placed: bool = False

    @property
    def is_nothing(self) -> bool:
        return not (self.held or self.burned or self.placed)


@dataclass(slots=True)
class Moves:
    """The summed changes of all grants and windows in a batch, so that each row is updated once."""

    by_grant: dict[int, Move] = field(default_factory=dict)
    by_window: dict[int, Move] = field(default_factory=dict)

    def place(self, legs: tuple[Leg, ...], window_legs: tuple[WindowLeg, ...]) -> None:
        """Hold on every leg."""
        for leg in legs:
            _placed(self.by_grant, leg.grant_id, leg.amount)
        for window_leg in window_legs:
            _placed(self.by_window, window_leg.window_id, window_leg.amount)

    def lift(self, legs: tuple[Leg, ...], burned: list[Leg]) -> None:
        """End a hold on grants: take every leg away and burn what was charged."""
        for leg in legs:
            self.by_grant.setdefault(leg.grant_id, Move()).held -= leg.amount
        for leg in burned:
            self.by_grant.setdefault(leg.grant_id, Move()).burned += leg.amount

    def lift_window(self, leg: WindowLeg, settled: int) -> None:
        """End a hold on a window: take the leg away and settle what was used, never more than was held."""
        move = self.by_window.setdefault(leg.window_id, Move())
        move.held -= leg.amount
        move.burned += min(settled, leg.amount)


def _placed(moves: dict[int, Move], row_id: int, amount: int) -> None:
    move = moves.setdefault(row_id, Move())
    move.held += amount
    move.placed = True


def effect(moves: dict[int, Move], row_id: int) -> int:
    """By how much the row's room shrinks in this batch so far."""
    move = moves.get(row_id)
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
