"""The money core as one would write it on a page: one request after the other, no database, no batches.

Times are aware datetimes, money is nano-USD, prices are pico-USD per token. Nothing here is taken from billing.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

LEASE = timedelta(seconds=30)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
CLASSES = ("input", "cached_input", "output")


@dataclass(frozen=True)
class Counts:
    """Tokens of the disjoint classes."""

    input: int
    cached_input: int
    output: int

    @property
    def total(self) -> int:
        return self.input + self.cached_input + self.output


@dataclass(frozen=True)
class Request:
    """What a caller asks; `key` is a number of the model."""

    key: int
    model: str
    input_tokens: int
    input_bound: int
    max_tokens: int | None


@dataclass(frozen=True)
class Ending:
    """How a hold ends; no counts: nothing was produced."""

    hold: int
    counts: Counts | None


@dataclass(frozen=True)
class Terms:
    """What a limit says."""

    measure: str
    amount: int
    period: str
    is_hard: bool
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """A model on sale."""

    name: str
    context_length: int
    max_output: int
    counts_exactly: bool


@dataclass(frozen=True)
class Price:
    """One row of the price list; without an organization it is everybody's."""

    model: str
    token_class: str
    unit_price: int
    since: datetime
    organization: int | None = None


@dataclass
class Organization:
    zone: ZoneInfo
    plan: str
    monthly_credit: int


@dataclass
class Key:
    organization: int
    project: int
    is_revoked: bool = False


@dataclass
class Grant:
    organization: int
    source: str
    amount: int
    priority: int
    is_paid: bool
    starts_at: datetime
    expires_at: datetime | None
    held: int = 0
    burned: int = 0

    @property
    def free(self) -> int:
        return self.amount - self.held - self.burned

    def is_live(self, now: datetime) -> bool:
        return self.starts_at <= now and (self.expires_at is None or self.expires_at > now)


@dataclass
class Window:
    starts_at: datetime
    ends_at: datetime | None
    opening: int
    settled: int
    cap: int | None
    ceiling: int | None
    next_alert: int | None
    held: int = 0


@dataclass
class Limit:
    number: int
    # ("key" | "project" | "organization", its number)
    subject: tuple[str, int]
    organization: int
    terms: Terms
    version: int = 1
    is_removed: bool = False
    windows: list[Window] = field(default_factory=list)

    def open_window(self, now: datetime) -> Window | None:
        for window in self.windows:
            if window.starts_at <= now and (window.ends_at is None or now < window.ends_at):
                return window
        return None


@dataclass
class Hold:
    key: int
    model: str
    amount: int
    output_cap: int
    prices: tuple[int, int, int]
    legs: list[tuple[Grant, int]]
    window_legs: list[tuple[Limit, Window, str, int]]
    admitted_at: datetime
    lease_until: datetime
    state: str = "active"
    progress: Counts | None = None


@dataclass(frozen=True)
class Event:
    counts: Counts
    charge: int
    overrun: int
    source: str


@dataclass(frozen=True)
class Answer:
    """The number of the hold, or by what it was refused: `revoked`, a scope, `credit`, or a code."""

    hold: int | None
    output_cap: int = 0
    refused_by: str = ""


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def next_month(day: date) -> date:
    """The first of the month after the day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def bounds(period: str, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
    """The period of the zone's calendar that holds `now`."""
    today = now.astimezone(zone).date()
    if period == "lifetime":
        return BEGINNING, None
    if period == "month":
        return midnight(today.replace(day=1), zone), midnight(next_month(today), zone)
    if period == "week":
        monday = today - timedelta(days=today.weekday())
        return midnight(monday, zone), midnight(monday + timedelta(days=7), zone)
    return midnight(today, zone), midnight(today + timedelta(days=1), zone)


def following(terms: Terms, settled: int) -> int | None:
    """The next amount above `settled` at which somebody must be told."""
    points = [math.ceil(Fraction(terms.amount * percent, 100)) for percent in terms.thresholds]
    return min((point for point in points if point > settled), default=None)


def priced(counts: Counts, prices: tuple[int, int, int]) -> Fraction:
    """Exact nano-USD."""
    return Fraction(
        counts.input * prices[0] + counts.cached_input * prices[1] + counts.output * prices[2],
        1000,
    )


def most(input_bound: int, output_cap: int, prices: tuple[int, int, int]) -> int:
    """Nano-USD that a request can cost at most."""
    return math.ceil(Fraction(input_bound * max(prices[0], prices[1]) + output_cap * prices[2], 1000))


class Model:
    """Every verb does what the real one must do."""

    def __init__(
        self, now: datetime, organizations: list[Organization], keys: list[Key], products: list[Product],
        prices: list[Price],
    ) -> None:  # fmt: skip
        self.now = now
        self.organizations = organizations
        self.keys = keys
        self.products = {product.name: product for product in products}
        self.prices = prices
        self.grants: list[Grant] = []
        self.limits: list[Limit] = []
        self.holds: list[Hold] = []
        self.events: dict[int, Event] = {}
        # (limit, start of the window, version, threshold) -> (reason, settled)
        self.alerts: dict[tuple[int, datetime, int, int], tuple[str, int]] = {}
        self.refusals: dict[int, int] = {}

    # ---------------------------------------------------------------- requests

    def batch(self, requests: list[Request], endings: list[Ending]) -> tuple[list[Answer], list[int | None]]:
        """Answers, and what each ending charged; None where it came too late or nothing was produced."""
        charged: dict[int, int | None] = {}
        for has_counts in (True, False):
            for place, ending in enumerate(endings):
                if (ending.counts is not None) == has_counts:
                    charged[place] = self._end(ending.hold, ending.counts, "settled", "upstream")
        for request in requests:
            self._prepare(self.keys[request.key])
        refused: list[Window] = []
        answers = [self._admit(request, refused) for request in requests]
        self._tell(refused)
        return answers, [charged[place] for place in range(len(endings))]

    def renew(self, holds: list[int], progress: dict[int, Counts]) -> None:
        """The heartbeat."""
        for number in holds:
            hold = self.holds[number]
            if hold.state == "active":
                hold.lease_until = self.now + LEASE
                hold.progress = progress.get(number, hold.progress)

    def sweep(self) -> None:
        """Recover what is past its lease."""
        for number, hold in enumerate(self.holds):
            if hold.state == "active" and hold.lease_until < self.now:
                self._end(number, hold.progress, "recovered", "partial")
        self._tell([])

    def _prepare(self, key: Key) -> None:
        """This month's credit and the windows of the present."""
        organization = self.organizations[key.organization]
        if organization.monthly_credit:
            today = self.now.astimezone(organization.zone).date()
            source = f"plan:{organization.plan}:{today:%Y-%m}"
            starts_at, expires_at = bounds("month", self.now, organization.zone)
            if not any((grant.organization, grant.source) == (key.organization, source) for grant in self.grants):
                self.grants.append(
                    Grant(
                        key.organization, source, organization.monthly_credit, 50, False, starts_at, expires_at
                    )
                )  # fmt: skip
        for limit in self._limits_of(key):
            if limit.open_window(self.now) is None:
                self._open(limit, 0)

    def _limits_of(self, key: Key) -> list[Limit]:
        """In the order in which they refuse."""
        number = next(number for number, known in enumerate(self.keys) if known is key)
        subjects = [("key", number), ("project", key.project), ("organization", key.organization)]
        return [
            limit for subject in subjects for limit in self.limits if limit.subject == subject and not limit.is_removed
        ]

    def _admit(self, request: Request, refused: list[Window]) -> Answer:
        key = self.keys[request.key]
        if key.is_revoked:
            return Answer(None, refused_by="revoked")
        product = self.products[request.model]
        if request.input_tokens + (request.max_tokens or 1) > product.context_length:
            return Answer(None, refused_by="context")
        prices = self.price_of(request.model, key.organization)
        bound = request.input_tokens if product.counts_exactly else request.input_bound
        largest = min(product.max_output, product.context_length - request.input_tokens)
        wanted = min(request.max_tokens, largest) if request.max_tokens else largest
        short = self._short(key, bound, wanted, prices)
        if short is not None and request.max_tokens is None:
            fitting = self._largest_that_fits(key, bound, wanted, prices)
            wanted = fitting or 1
            short = self._short(key, bound, wanted, prices)
        if short is not None:
            return self._refuse(request.key, short, refused)
        return Answer(self._place(request, key, bound, wanted, prices), wanted)

    def _refuse(self, key: int, short: Limit | str, refused: list[Window]) -> Answer:
        self.refusals[key] = self.refusals.get(key, 0) + 1
        if isinstance(short, str):
            return Answer(None, refused_by=short)
        window = short.open_window(self.now)
        assert window is not None
        refused.append(window)
        return Answer(None, refused_by=f"{short.subject[0]} {short.terms.period} {short.terms.measure}")

    def _short(self, key: Key, bound: int, cap: int, prices: tuple[int, int, int]) -> Limit | str | None:
        """The first that has no room."""
        amount = most(bound, cap, prices)
        needs = {"usd": amount, "tokens": bound + cap, "requests": 1}
        for limit in self._limits_of(key):
            window = limit.open_window(self.now)
            assert window is not None
            used = window.settled + window.held
            if limit.terms.is_hard and used + needs[limit.terms.measure] > limit.terms.amount:
                return limit
        if sum(grant.free for grant in self._live(key.organization)) < amount:
            return "credit"
        return None

    def _largest_that_fits(self, key: Key, bound: int, wanted: int, prices: tuple[int, int, int]) -> int:
        low, high = 0, wanted
        while low < high:
            middle = (low + high + 1) // 2
            if self._short(key, bound, middle, prices) is None:
                low = middle
            else:
                high = middle - 1
        return low

    def _live(self, organization: int) -> list[Grant]:
        """By priority, then expiry, then free before paid, then age."""
        live = [grant for grant in self.grants if grant.organization == organization and grant.is_live(self.now)]
        never = datetime.max.replace(tzinfo=UTC)
        return sorted(live, key=lambda grant: (grant.priority, grant.expires_at or never, grant.is_paid))

    def _place(self, request: Request, key: Key, bound: int, cap: int, prices: tuple[int, int, int]) -> int:
        amount = left = most(bound, cap, prices)
        legs = []
        for grant in self._live(key.organization):
            part = min(left, grant.free)
            if part:
                grant.held += part
                left -= part
                legs.append((grant, part))
        window_legs = []
        for limit in self._limits_of(key):
            window = limit.open_window(self.now)
            assert window is not None
            need = {"usd": amount, "tokens": bound + cap, "requests": 1}[limit.terms.measure]
            window.held += need
            window_legs.append((limit, window, limit.terms.measure, need))
        self.holds.append(
            Hold(request.key, request.model, amount, cap, prices, legs, window_legs, self.now, self.now + LEASE)
        )
        return len(self.holds) - 1

    def _end(self, number: int, counts: Counts | None, state: str, source: str) -> int | None:
        hold = self.holds[number]
        if hold.state != "active":
            return None
        charge = 0
        if counts is None:
            hold.state = "released"
        else:
            hold.state = state
            actual = math.floor(priced(counts, hold.prices))
            charge = min(actual, hold.amount)
            self.events[number] = Event(counts, charge, actual - charge, source)
        left = charge
        for grant, held in hold.legs:
            grant.held -= held
            grant.burned += min(left, held)
            left -= min(left, held)
        for _, window, measure, held in hold.window_legs:
            window.held -= held
            if counts is not None:
                window.settled += min(held, {"usd": charge, "tokens": counts.total, "requests": 1}[measure])
        return None if counts is None else charge

    # ---------------------------------------------------------------- limits

    def set_limit(self, subject: tuple[str, int], organization: int, terms: Terms) -> None:
        """A new limit, or another amount for the one of this measure and period."""
        for limit in self.limits:
            same = (limit.subject, limit.terms.measure, limit.terms.period) == (subject, terms.measure, terms.period)
            if same and not limit.is_removed:
                limit.terms = terms
                limit.version += 1
                window = limit.open_window(self.now)
                if window is not None:
                    window.cap = terms.amount if terms.is_hard else None
                    window.ceiling = max(terms.amount, window.settled + window.held) if terms.is_hard else None
                    window.next_alert = following(terms, -1)
                    self._tell([])
                return
        limit = Limit(len(self.limits), subject, organization, terms)
        self.limits.append(limit)
        window = self._open(limit, self._used(limit))
        window.next_alert = following(terms, -1)
        self._tell([])

    def remove_limit(self, number: int) -> None:
        """The next request is not held to it."""
        self.limits[number].is_removed = True

    def _open(self, limit: Limit, opening: int) -> Window:
        starts_at, ends_at = bounds(limit.terms.period, self.now, self.organizations[limit.organization].zone)
        cap = limit.terms.amount if limit.terms.is_hard else None
        ceiling = None if cap is None else max(cap, opening)
        window = Window(starts_at, ends_at, opening, opening, cap, ceiling, following(limit.terms, opening))
        limit.windows.append(window)
        return window

    def _used(self, limit: Limit) -> int:
        """By the events of the period so far."""
        starts_at, _ = bounds(limit.terms.period, self.now, self.organizations[limit.organization].zone)
        total = 0
        for number, event in self.events.items():
            hold = self.holds[number]
            key = self.keys[hold.key]
            subjects = {("key", hold.key), ("project", key.project), ("organization", key.organization)}
            if limit.subject in subjects and hold.admitted_at >= starts_at:
                total += {"usd": event.charge, "tokens": event.counts.total, "requests": 1}[limit.terms.measure]
        return total

    def _tell(self, refused: list[Window]) -> None:
        for limit in self.limits:
            for window in limit.windows:
                was_refused = any(window is one for one in refused)
                is_reached = window.next_alert is not None and window.settled >= window.next_alert
                if was_refused or is_reached:
                    self._tell_window(limit, window, was_refused)

    def _tell_window(self, limit: Limit, window: Window, was_refused: bool) -> None:
        amount = limit.terms.amount
        due = {
            percent: "threshold"
            for percent in limit.terms.thresholds
            if amount > 0 and Fraction(window.settled, amount) >= Fraction(percent, 100)
        }
        if was_refused and 100 in limit.terms.thresholds:
            due.setdefault(100, "refusal")
        for percent, reason in due.items():
            name = (limit.number, window.starts_at, limit.version, percent)
            self.alerts.setdefault(name, (reason, window.settled))
        window.next_alert = following(limit.terms, window.settled)

    # ---------------------------------------------------------------- the rest

    def give(
        self, organization: int, source: str, amount: int, is_paid: bool, starts_at: datetime,
        expires_at: datetime | None,
    ) -> None:  # fmt: skip
        """Credit."""
        self.grants.append(Grant(organization, source, amount, 100, is_paid, starts_at, expires_at))

    def set_price(self, price: Price) -> None:
        """From then on."""
        self.prices.append(price)

    def price_of(self, model: str, organization: int) -> tuple[int, int, int]:
        """What the organization pays now: its own price before everybody's, the newest of each."""
        found = []
        for token_class in CLASSES:
            rows = [
                row
                for row in self.prices
                if (row.model, row.token_class) == (model, token_class)
                and row.since <= self.now
                and row.organization in {None, organization}
            ]
            found.append(max(rows, key=lambda row: (row.organization is not None, row.since)).unit_price)
        return found[0], found[1], found[2]

    def revoke(self, key: int) -> None:
        """The very next request is refused."""
        self.keys[key].is_revoked = True

    def books(self) -> dict[str, Any]:
        """Everything that the real rows must say, by names that do not depend on ids."""
        return {
            "grants": {
                (grant.organization, grant.source): (grant.amount, grant.held, grant.burned) for grant in self.grants
            },
            "windows": {
                (limit.number, window.starts_at): (
                    window.ends_at, window.opening, window.settled, window.held, window.cap, window.ceiling,
                    window.next_alert,
                )
                for limit in self.limits
                for window in limit.windows
            },
            "holds": [
                (
                    hold.state,
                    hold.amount,
                    hold.output_cap,
                    hold.prices,
                    [(grant.source, amount) for grant, amount in hold.legs],
                    sorted(
                        ((limit.number, window.starts_at), measure, amount)
                        for limit, window, measure, amount in hold.window_legs
                    ),
                    hold.admitted_at,
                )
                for hold in self.holds
            ],
            "events": {
                number: (event.counts, event.charge, event.overrun, event.source)
                for number, event in self.events.items()
            },
            "versions": {limit.number: (limit.version, limit.is_removed) for limit in self.limits},
            "alerts": dict(self.alerts),
            "refusals": {key: count for key, count in self.refusals.items() if count},
        }  # fmt: skip
