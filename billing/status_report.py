"""What works right now, from what this house has really seen; what nobody has tried is said to be unknown."""

import logging
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import BigIntegerField, Count, Min, Prefetch, Subquery
from django.utils.translation import gettext_lazy as _

from billing import status_bars
from billing.models import Delivery, DeliveryAttempt, Hold, OutboxMessage
from billing.models.hold import HoldState
from billing.status_bars import History
from catalog.models import LanguageModel, Provider, Route
from usage.models import UsageEvent

logger = logging.getLogger(__name__)

_DAY = timedelta(days=1)
# What is older says how it was, not how it is.
_FRESH = timedelta(hours=1)
# The newest requests that are looked at: enough to know, few enough to be read on every visit.
_NEWEST = 1_000
# One request without an answer may be a client that left; so many in a row are no accident.
_IN_A_ROW = 3
# Fewer say nothing about how long it takes.
_FEWEST_TIMES = 5
_SLOW_DATABASE_MS = 500
# From this status on an answer did not come to its end.
_ENDED_EARLY = 400
_LATE = timedelta(minutes=2)
AWAY = (OperationalError, InterfaceError)


class State(StrEnum):
    """In the order of how bad it is."""

    WORKING = "working"
    UNKNOWN = "unknown"
    UNSURE = "unsure"
    DOWN = "down"


WORDS: dict[State, tuple[Any, str]] = {
    State.WORKING: (_("Working"), "ok"),
    State.UNKNOWN: (_("Not known"), ""),
    State.UNSURE: (_("Not sure"), "warn"),
    State.DOWN: (_("Not working"), "danger"),
}


@dataclass(frozen=True, slots=True)
class Component:
    """One thing, how it is, and what that rests on; `at` is the instant that the words speak of."""

    name: Any
    state: State
    words: Any
    at: datetime | None = None

    @property
    def label(self) -> Any:
        return WORDS[self.state][0]

    @property
    def tone(self) -> str:
        return WORDS[self.state][1]


@dataclass(slots=True)
class Seen:
    """What the newest requests to a model or provider came to, newest first."""

    answered_at: datetime | None = None
    failed_at: datetime | None = None
    answered: int = 0
    failed: int = 0
    # Failures since the last answer, and when the first of them was.
    failed_in_a_row: int = 0
    failing_since: datetime | None = None
    first_token_ms: list[int] = field(default_factory=list)
    duration_ms: list[int] = field(default_factory=list)

    def add(
        self, at: datetime, *, was_answered: bool, first_token_ms: int | None = None, duration_ms: int | None = None
    ) -> None:
        """One more request, older than those before."""
        if was_answered:
            self.answered += 1
            self.answered_at = self.answered_at or at
            if first_token_ms is not None:
                self.first_token_ms.append(first_token_ms)
            if duration_ms is not None:
                self.duration_ms.append(duration_ms)
            return
        self.failed += 1
        self.failed_at = self.failed_at or at
        if self.answered_at is None:
            self.failed_in_a_row += 1
            self.failing_since = at

    @property
    def median_ms(self) -> int | None:
        """Milliseconds to the first token in the middle of those that were measured."""
        return _median(self.first_token_ms)

    @property
    def median_duration_ms(self) -> int | None:
        """Milliseconds to the last token, likewise."""
        return _median(self.duration_ms)


@dataclass(frozen=True, slots=True)
class ModelRow:
    component: Component
    median_ms: int | None
    duration_ms: int | None = None
    answered: int = 0
    failed: int = 0
    history: History | None = None

    @property
    def error_rate(self) -> str:
        """Percent of the requests that got no answer, or only a part of one."""
        rate = Decimal(self.failed) * 100 / (self.answered + self.failed)
        return f"{max(rate, Decimal('0.1')).quantize(Decimal('0.1'))}%"


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """For the operator alone: customers are never told who serves a model."""

    provider: Provider
    models: Sequence[str]
    seen: Seen


@dataclass(frozen=True, slots=True)
class Report:
    parts: list[Component]
    models: list[ModelRow]
    providers: list[ProviderRow]
    at: datetime
    database_away: bool = False
    # Of the API and of this console.
    api_history: History | None = None
    house_history: History | None = None

    @property
    def worst(self) -> State:
        """Of what is known; that something is not known is no trouble."""
        known = {one.state for one in self.every} - {State.UNKNOWN}
        return max(known, key=list(State).index) if known else State.UNKNOWN

    @property
    def every(self) -> list[Component]:
        return [*self.parts, *(row.component for row in self.models)]

    @property
    def tone(self) -> str:
        return WORDS[self.worst][1]

    @property
    def troubled(self) -> list[Component]:
        """What does not work, or may not."""
        return [one for one in self.every if one.state in (State.UNSURE, State.DOWN)]


def make(gateway_alive: Callable[[], bool] | None, now: datetime, *, for_staff: bool = False) -> Report:
    """The status at `now`; without the database only the gateway and the database are spoken of."""
    gateway = _gateway(gateway_alive)
    try:
        database = _database()
        seen_models, seen_providers = _seen(now)
        sold = _sold()
        days = status_bars.of_models([model.name for model in sold], now)
        models = [_row(model, seen_models[model.name], days[model.name], now) for model in sold]
        providers = _providers(seen_providers) if for_staff else []
        console = Component(_("Console"), State.WORKING, _("It answers this page."))
        parts = [gateway, console, database, _messages(now)]
        return Report(parts, models, providers, now, api_history=days[""], house_history=status_bars.of_house(now))
    except AWAY:
        logger.warning("The status page found the database away.", exc_info=True)
        words = _("It cannot be reached. Requests are refused with 503 and cost nothing.")
        return Report([gateway, Component(_("Database"), State.DOWN, words)], [], [], now, True)


def _median(times: list[int]) -> int | None:
    return round(statistics.median(times)) if len(times) >= _FEWEST_TIMES else None


# ---------------------------------------------------------------- gateway and database


def _gateway(is_alive: Callable[[], bool] | None) -> Component:
    name = _("Gateway")
    if is_alive is None:
        return Component(name, State.UNKNOWN, _("It does not run in the process that answers this page."))
    if not is_alive():
        return Component(name, State.DOWN, _("It does not reach the books, so it refuses requests with 503."))
    return Component(name, State.WORKING, _("It takes requests."))


def _database() -> Component:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = (time.perf_counter() - started) * 1000
    if took > _SLOW_DATABASE_MS:
        return Component(_("Database"), State.UNSURE, _("It answers slowly."))
    return Component(_("Database"), State.WORKING, _("It answers."))


# ---------------------------------------------------------------- models and providers


def _seen(now: datetime) -> tuple[dict[str, Seen], dict[int, Seen]]:
    """What the newest requests of the last day came to, by model and by provider."""
    ended = (HoldState.SETTLED, HoldState.RECOVERED, HoldState.RELEASED)
    holds = list(
        Hold.objects.filter(admitted_at__gt=now - _DAY, state__in=ended)
        .order_by("-admitted_at")
        .values_list("id", "model", "state", "admitted_at")[:_NEWEST]
    )
    settled = [pk for pk, _model_name, state, _at in holds if state != HoldState.RELEASED]
    events = UsageEvent.objects.in_bulk(settled)
    models: dict[str, Seen] = defaultdict(Seen)
    providers: dict[int, Seen] = defaultdict(Seen)
    for pk, model, _state, at in holds:
        event = events.get(pk)
        was_answered = event is not None and event.finish_reason != "upstream_error"
        first_token = event.first_token_ms if event is not None and event.stream else None
        duration = event.duration_ms if event is not None and event.status < _ENDED_EARLY else None
        models[model].add(at, was_answered=was_answered, first_token_ms=first_token, duration_ms=duration)
        if event is not None and event.provider_id is not None:
            providers[event.provider_id].add(at, was_answered=was_answered, first_token_ms=first_token)
    return models, providers


def _sold() -> list[LanguageModel]:
    routes = Route.objects.filter(enabled=True, provider__enabled=True)
    return list(LanguageModel.objects.on_sale().prefetch_related(Prefetch("routes", routes)))


def _row(model: LanguageModel, seen: Seen, history: History, now: datetime) -> ModelRow:
    return ModelRow(
        _model(model, seen, now), seen.median_ms, seen.median_duration_ms, seen.answered, seen.failed, history
    )


def _model(model: LanguageModel, seen: Seen, now: datetime) -> Component:
    if not model.routes.all():
        return Component(model.name, State.DOWN, _("No provider serves it at the moment."))
    if seen.failed_in_a_row and seen.failed_at is not None:
        if now - seen.failed_at > _FRESH:
            return Component(
                model.name, State.UNKNOWN, _("The newest request got no answer. It was made"), seen.failed_at
            )
        if seen.failed_in_a_row >= _IN_A_ROW:
            return Component(model.name, State.DOWN, _("The newest requests got no answer, since"), seen.failing_since)
        words = _("The newest request got no answer; its client may have left. It was made")
        return Component(model.name, State.UNSURE, words, seen.failed_at)
    if seen.answered_at is not None:
        state = State.WORKING if now - seen.answered_at <= _FRESH else State.UNKNOWN
        return Component(model.name, state, _("Last answer:"), seen.answered_at)
    return Component(model.name, State.UNKNOWN, _("Nobody asked it in the last 24 hours."))


def _providers(seen: dict[int, Seen]) -> list[ProviderRow]:
    rows = Provider.objects.prefetch_related(Prefetch("routes", Route.objects.select_related("model")))
    return [
        ProviderRow(one, [route.model.name for route in one.routes.all() if route.enabled], seen[one.pk])
        for one in rows
    ]


# ---------------------------------------------------------------- messages


def _messages(now: datetime) -> Component:
    """E-mail and webhooks that should be out; what a receiver refused waits for its next try and is not late."""
    name = _("E-mail and webhooks")
    waiting = OutboxMessage.objects.filter(dispatched_at=None).aggregate(number=Count("id"), oldest=Min("created_at"))
    due = Delivery.objects.due(now).aggregate(number=Count("id"), oldest=Min("next_attempt_at"))
    oldest = min((one["oldest"] for one in (waiting, due) if one["oldest"]), default=None)
    if oldest is not None and now - oldest > _LATE:
        return Component(name, State.UNSURE, _("Messages wait to be sent, the oldest since"), oldest)
    newest = Subquery(DeliveryAttempt.objects.order_by("-id").values("id")[:1], output_field=BigIntegerField())
    last = DeliveryAttempt.objects.order_by("-id").filter(id__gt=newest - _NEWEST, succeeded=True).first()
    if last is None:
        return Component(name, State.UNKNOWN, _("Nothing is waiting; nothing was sent lately."))
    return Component(name, State.WORKING, _("Nothing is waiting. Last one sent:"), last.at)
