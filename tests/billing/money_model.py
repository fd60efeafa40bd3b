"""The money core in a hundred lines of plain Python: what it must do, without a database, batches or speed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from foundation import periods

ZONE = ZoneInfo("Asia/Kolkata")
CONTEXT, MOST_OUTPUT = 32_768, 8_192
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Grant:
    number: int
    amount: int
    priority: int
    expires_at: datetime | None
    burned: int = 0
    held: int = 0

    def available(self, now: datetime) -> int:
        live = self.expires_at is None or self.expires_at > now
        return self.amount - self.burned - self.held if live else 0


@dataclass
class Limit:
    """`subject`: key:N, project or organization."""

    number: int
    subject: str
    measure: str
    period: str
    amount: int
    is_hard: bool
    # By the start of the period: [settled, held].
    windows: dict[datetime | None, list[int]] = field(default_factory=dict)

    def window(self, now: datetime) -> list[int]:
        return self.windows.setdefault(periods.bounds(self.period, now, ZONE)[0], [0, 0])


@dataclass
class Held:
    """A request under way."""

    key: int
    amount: int
    prices: tuple[int, int, int]
    at: datetime
    legs: list[tuple[Grant, int]]
    windows: list[tuple[list[int], str, int]]
    cap: int


@dataclass
class Event:
    key: int
    at: datetime
    charge: int
    tokens: int


class Model:
    """What is held, spent and allowed."""

    def __init__(self) -> None:
        self.prices = (0, 0, 0)
        self.grants: list[Grant] = []
        self.limits: list[Limit] = []
        self.events: list[Event] = []

    def admit(self, key: int, tokens: int, bound: int, maximum: int | None, now: datetime) -> Held | str:
        """A held request, or the scope that refused it."""
        most = min(MOST_OUTPUT, CONTEXT - tokens)
        wanted = min(maximum, most) if maximum else most
        rooms = self._limits_of(key)
        caps = [wanted] if maximum else _candidates(wanted)
        for cap in caps:
            refused = self._refused_by(rooms, bound, cap, now)
            if refused is None:
                return self._hold(key, rooms, bound, self._largest(rooms, bound, cap, wanted, maximum, now), now)
        return self._refused_by(rooms, bound, caps[-1], now) or "nobody"

    def _largest(
        self, rooms: list[Limit], bound: int, fits: int, wanted: int, maximum: int | None, now: datetime
    ) -> int:
        """The largest cap that fits, by halving; `fits` does."""
        if maximum or fits == wanted:
            return fits
        low, high = fits, wanted
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._refused_by(rooms, bound, middle, now) is None else (low, middle)
        return low

    def _limits_of(self, key: int) -> list[Limit]:
        found = []
        for subject in (f"key:{key}", "project", "organization"):
            found += sorted((one for one in self.limits if one.subject == subject), key=lambda one: one.number)
        return found

    def _needs(self, measure: str, bound: int, cap: int) -> int:
        cost = -(-(bound * max(self.prices[0], self.prices[1]) + cap * self.prices[2]) // 1000)
        return {"usd": cost, "tokens": bound + cap, "requests": 1}[measure]

    def _refused_by(self, rooms: list[Limit], bound: int, cap: int, now: datetime) -> str | None:
        for limit in rooms:
            settled, held = limit.window(now)
            if limit.is_hard and settled + held + self._needs(limit.measure, bound, cap) > limit.amount:
                return limit.subject.partition(":")[0]
        credit = sum(grant.available(now) for grant in self.grants)
        return "credit" if self._needs("usd", bound, cap) > credit else None

    def _hold(self, key: int, rooms: list[Limit], bound: int, cap: int, now: datetime) -> Held:
        amount = left = self._needs("usd", bound, cap)
        legs = []
        for grant in sorted(self.grants, key=lambda one: (one.priority, one.expires_at or _NEVER, one.number)):
            part = min(left, grant.available(now))
            if part > 0:
                grant.held += part
                left -= part
                legs.append((grant, part))
        windows = []
        for limit in rooms:
            window, need = limit.window(now), self._needs(limit.measure, bound, cap)
            window[1] += need
            windows.append((window, limit.measure, need))
        return Held(key, amount, self.prices, now, legs, windows, cap)

    def end(self, held: Held, counts: tuple[int, int, int] | None) -> int:
        """Settle or release; the charge."""
        charge, tokens = 0, 0
        if counts is not None:
            actual = sum(count * price for count, price in zip(counts, held.prices, strict=True)) // 1000
            charge, tokens = min(actual, held.amount), sum(counts)
            self.events.append(Event(held.key, held.at, charge, tokens))
        left = charge
        for grant, part in held.legs:
            burned = min(left, part)
            grant.held -= part
            grant.burned += burned
            left -= burned
        for window, measure, need in held.windows:
            window[1] -= need
            if counts is not None:
                window[0] += min({"usd": charge, "tokens": tokens, "requests": 1}[measure], need)
        return charge

    def set_limit(
        self, number: int, subject: str, measure: str, period: str, amount: int, hard: bool, now: datetime
    ) -> None:
        for limit in self.limits:
            if (limit.subject, limit.measure, limit.period) == (subject, measure, period):
                limit.amount, limit.is_hard = amount, hard
                return
        limit = Limit(number, subject, measure, period, amount, hard)
        start = periods.bounds(period, now, ZONE)[0]
        for event in self.events:
            if (start is None or event.at >= start) and subject in (f"key:{event.key}", "project", "organization"):
                limit.window(now)[0] += {"usd": event.charge, "tokens": event.tokens, "requests": 1}[measure]
        limit.window(now)
        self.limits.append(limit)


def _candidates(wanted: int) -> list[int]:
    return [wanted, 1] if wanted > 1 else [1]
