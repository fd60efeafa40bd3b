"""Which requests the demo organization made, and when: habits of keys by hour and weekday, growth, a quiet day."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from foundation import periods
from usage.counts import TokenCounts

# Requests by local hour of the day, midnight first.
_SHOP = (6, 3, 2, 1, 1, 2, 6, 14, 24, 32, 36, 38, 40, 37, 34, 33, 35, 40, 48, 56, 60, 50, 30, 14)
_OFFICE = (0, 0, 0, 0, 0, 0, 1, 6, 22, 38, 42, 36, 20, 32, 40, 38, 34, 22, 10, 4, 2, 2, 1, 0)
_NIGHT = (10, 40, 60, 55, 30, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4)
# Nothing at all happened this many days ago: the shop moved to another data centre.
_QUIET_DAY = 19
# A sale.
_BUSY_DAYS = {25: 1.9, 24: 1.6}
_CAPS = (256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Habit:
    """How one key is used: requests a day (first and last), share at weekends, tokens as (median, spread)."""

    key: str
    models: tuple[tuple[str, int], ...]
    first: float
    last: float
    hours: tuple[int, ...]
    prompt: tuple[int, float]
    answer: tuple[int, float]
    weekend: float = 1.0
    # How many requests hit the provider's cache, and how much of their prompt.
    cached: tuple[float, float] = (0.0, 0.0)
    stream: bool = False
    # Days ago between which the key is used.
    since: int = 90
    until: int = 0
    person: str = ""


_CHAT, _CODER, _MATH = "deepseek-chat", "deepseek-coder", "deepseek-math"
HABITS = (
    Habit("production-web", ((_CHAT, 1),), 105, 320, _SHOP, (7400, 0.5), (560, 0.7), 1.2, (0.8, 0.78), stream=True,
          since=88),
    Habit("checkout-assistant", ((_CHAT, 5), (_MATH, 1)), 10, 70, _SHOP, (3200, 0.4), (240, 0.6), 1.1, (0.7, 0.6),
          stream=True, since=61),
    Habit("catalog-enricher", ((_CHAT, 3), (_CODER, 2)), 40, 62, _NIGHT, (8200, 0.4), (1500, 0.5), 1.0, (0.5, 0.4),
          since=88),
    Habit("search-reranker", ((_CODER, 1),), 30, 85, _SHOP, (2800, 0.3), (60, 0.4), 0.9, (0.6, 0.5), since=73),
    Habit("old-agent", ((_CHAT, 2), (_CODER, 1)), 34, 12, _OFFICE, (6000, 0.6), (700, 0.8), 0.1, (0.2, 0.3), since=88,
          until=39, person="mei@northwind.example"),
    Habit("ci-smoke-tests", ((_CODER, 4), (_MATH, 1)), 22, 34, _OFFICE, (420, 0.3), (90, 0.4), 0.05, since=88,
          person="tom@northwind.example"),
    Habit("notebook-mei", ((_MATH, 5), (_CHAT, 2)), 8, 18, _OFFICE, (1500, 0.7), (1100, 0.7), 0.15, (0.3, 0.5),
          stream=True, since=47, person="mei@northwind.example"),
    Habit("Playground Sandbox", ((_CHAT, 3), (_CODER, 2), (_MATH, 1)), 3, 5, _OFFICE, (240, 0.9), (380, 0.8), 0.2,
          stream=True, person="tom@northwind.example"),
    Habit("Playground Storefront", ((_CHAT, 1),), 1, 2.5, _OFFICE, (700, 0.6), (420, 0.6), 0.1, (0.3, 0.4),
          stream=True, person="priya@northwind.example"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was made; times in milliseconds."""

    at: datetime
    habit: Habit
    model: str
    counts: TokenCounts
    cap: int
    finish_reason: str
    usage_source: str
    status: int
    first_token_ms: int
    duration_ms: int


def requests(days: int, now: datetime, zone: ZoneInfo, random: Random) -> Iterator[list[Request]]:
    """The requests of each of the zone's last days, oldest day first, in the order of their times; none after now."""
    today = periods.day_of(now, zone)
    for ago in range(days - 1, -1, -1):
        day = today - timedelta(days=ago)
        made = [] if ago == _QUIET_DAY else _of_day(day, ago, days, zone, random)
        yield sorted((one for one in made if one.at < now), key=lambda one: one.at)


def _of_day(day: date, ago: int, days: int, zone: ZoneInfo, random: Random) -> list[Request]:
    midnight = periods.day_start(day, zone)
    # A day that changes the clock is stretched or squeezed.
    length = (periods.day_start(day + timedelta(days=1), zone) - midnight) // timedelta(milliseconds=1)
    made = []
    for habit in HABITS:
        for _ in range(_number(habit, day, ago, days, random)):
            hour = random.choices(range(24), habit.hours)[0]
            since = (hour * 3_600_000 + random.randrange(3_600_000)) * length // 86_400_000
            at = midnight + timedelta(milliseconds=since)
            made.append(_request(habit, at, random))
    return made


def _number(habit: Habit, day: date, ago: int, days: int, random: Random) -> int:
    """How many requests a key made on a day."""
    if not habit.until <= ago < min(habit.since, days):
        return 0
    progress = 1 - ago / days
    expected = habit.first * (habit.last / habit.first) ** progress
    if day.weekday() >= 5:
        expected *= habit.weekend
    if habit.hours is _SHOP:
        expected *= _BUSY_DAYS.get(ago, 1.0)
    expected *= random.uniform(0.82, 1.18)
    return max(0, round(random.gauss(expected, math.sqrt(expected))))


def _request(habit: Habit, at: datetime, random: Random) -> Request:
    model = random.choices([name for name, _ in habit.models], [weight for _, weight in habit.models])[0]
    prompt = _tokens(habit.prompt, 6000 if model == _MATH else 12000, random)
    answer = _tokens(habit.answer, 2000 if model == _MATH else 4000, random)
    cap = next(cap for cap in _CAPS if answer <= cap)
    share, part = habit.cached
    cached = int(prompt * part * random.uniform(0.7, 1.2)) // 64 * 64 if random.random() < share else 0
    reason, source, status = "stop", "upstream", 200
    if habit.stream and random.random() < 0.012:
        reason, source, status = "client_closed", "partial", 499
        answer = random.randrange(answer + 1)
    elif habit.stream and random.random() < 0.002:
        reason, source, status = "upstream_error", "partial", 503
        answer = random.randrange(answer + 1)
    elif answer == cap or random.random() < 0.01:
        reason, answer = "length", cap
    first = int(random.lognormvariate(math.log(280 + prompt / 40), 0.3))
    return Request(
        at=at,
        habit=habit,
        model=model,
        counts=TokenCounts(prompt - min(cached, prompt), min(cached, prompt), answer),
        cap=cap,
        finish_reason=reason,
        usage_source=source,
        status=status,
        first_token_ms=first,
        duration_ms=first + int(answer * random.uniform(14, 24)),
    )


def _tokens(size: tuple[int, float], most: int, random: Random) -> int:
    median, spread = size
    return max(4, min(most, int(random.lognormvariate(math.log(median), spread))))
