"""The real money core behind the verbs of tests.billing.model: two organizations, four keys, three models, a clock.

Everything has a number, the order in which it was made, so that two databases and the model speak of the same things.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import time_machine
from django.db import connection
from django.utils import timezone

from accounts import keys, projects
from accounts.models import Organization
from billing import batch, grants, heartbeat, limits, opening, recovery
from billing.models import GrantKind, SpendingLimit
from billing.terms import Admission, Outcome, Refusal
from catalog import prices
from catalog.models import LanguageModel, Plan, Price, PriceScope, TokenClass
from foundation.ids import FactIds
from tests.billing import invariants, model
from tests.billing.desk import ask, serve_all_models
from tests.people import house
from usage import rollups
from usage.counts import TokenCounts

# Half an hour of daylight saving in the one, half an hour off UTC in the other.
ZONES = ("Australia/Lord_Howe", "America/St_Johns")
BEFORE = datetime(2026, 9, 20, 12, tzinfo=UTC)
# The last minutes before a day of 23 1/2 or 25 hours, a week or a month begins in one of the zones.
STARTS = (
    datetime(2026, 10, 3, 13, 10, tzinfo=UTC),
    datetime(2026, 10, 4, 12, 40, tzinfo=UTC),
    datetime(2026, 10, 31, 12, 40, tzinfo=UTC),
    datetime(2026, 11, 1, 2, 10, tzinfo=UTC),
    datetime(2026, 12, 31, 12, 50, tzinfo=UTC),
    datetime(2027, 4, 3, 12, 50, tzinfo=UTC),
)
MODELS = ("exact", "bounded", "free")
_MONTHLY = 150_000
_PRICES = {
    "exact": (270_001, 70_007, 1_100_003),
    "bounded": (999, 1_500, 333_333),
    "free": (0, 0, 0),
}


class Shop:
    """Made once a database; `open` begins a story at an instant."""

    def __init__(self) -> None:
        with time_machine.travel(BEFORE, tick=False):
            self._make_catalog()
            self._make_people()

    def _make_catalog(self) -> None:
        opening.seed_if_empty()
        for name, unit_prices in _PRICES.items():
            made = LanguageModel.objects.create(
                name=name, context_length=400, max_output=120, vocabulary="deepseek" if name == "exact" else ""
            )
            for token_class, unit_price in zip(TokenClass.values, unit_prices, strict=True):
                prices.set_price(made, TokenClass(token_class), unit_price)

    def _make_people(self) -> None:
        alice = house("Alice", plan="pro", rpm=10_000_000)
        bob = house("Bob", plan="enterprise", rpm=10_000_000)
        serve_all_models()
        Plan.objects.filter(code="pro").update(monthly_credit=_MONTHLY)
        self.houses = [alice, bob]
        for made, zone in zip(self.houses, ZONES, strict=True):
            Organization.objects.filter(pk=made.organization.pk).update(time_zone=zone)
            made.organization.refresh_from_db()
        second = projects.create(alice.organization, "Second", alice.actor)
        self.projects = [alice.project, second, bob.project]
        owners = [alice, alice, alice, bob]
        places = [alice.project, alice.project, second, bob.project]
        issued = [
            keys.create(project, f"key {number}", owner.actor)
            for number, (owner, project) in enumerate(zip(owners, places, strict=True))
        ]
        self._asks = [ask(one.api_key, one.secret) for one in issued]
        self.keys = [one.api_key for one in issued]

    def open(self, at: datetime) -> model.Model:
        """Begin at an instant; the model of how things are then."""
        self._admissions: list[Admission] = []
        self.limits: list[SpendingLimit] = []
        self._ids = FactIds(1)
        self._travel = time_machine.travel(at, tick=False)
        self._clock = self._travel.start()
        organizations = [model.Organization(ZoneInfo(ZONES[0]), "pro", _MONTHLY)]
        organizations.append(model.Organization(ZoneInfo(ZONES[1]), "enterprise", 0))
        places = [(0, 0), (0, 0), (0, 1), (1, 2)]
        return model.Model(
            at,
            organizations,
            [model.Key(organization, project) for organization, project in places],
            [model.Product(name, 400, 120, name == "exact") for name in MODELS],
            [
                model.Price(name, token_class, unit_price, BEFORE)
                for name, unit_prices in _PRICES.items()
                for token_class, unit_price in zip(model.CLASSES, unit_prices, strict=True)
            ],
        )

    def close(self) -> None:
        """End the story; time is itself again."""
        self._travel.stop()

    # ---------------------------------------------------------------- verbs

    def move_to(self, at: datetime) -> None:
        self._clock.move_to(at)

    def batch(
        self, requests: list[model.Request], endings: list[model.Ending]
    ) -> tuple[list[model.Answer], list[int | None]]:
        answers, receipts = batch.run(
            [self.ask(request) for request in requests], [self.outcome(ending) for ending in endings], self._ids
        )
        said = [self._answer(answer) for answer in answers]
        return said, [None if receipt.event_id is None else receipt.charge for receipt in receipts]

    def probe(self, request: model.Request) -> int | None:
        """The output cap that would be admitted now; None for a refusal. Undo it."""
        [answer] = batch.run([self.ask(request)], [], self._ids)[0]
        return answer.output_cap if isinstance(answer, Admission) else None

    def ask(self, request: model.Request) -> Any:
        """As the gateway asks."""
        return replace(
            self._asks[request.key],
            model=request.model,
            input_tokens=request.input_tokens,
            input_bound=request.input_bound,
            max_tokens=request.max_tokens,
        )

    def outcome(self, ending: model.Ending) -> Outcome:
        """As the gateway settles."""
        counts = None if ending.counts is None else _counts(ending.counts)
        finished_at = timezone.now().timestamp()
        return Outcome(self._admissions[ending.hold], counts, "upstream", "stop", None, None, finished_at)

    def _answer(self, answer: Admission | Refusal) -> model.Answer:
        if isinstance(answer, Admission):
            self._admissions.append(answer)
            return model.Answer(len(self._admissions) - 1, answer.output_cap)
        if answer.kind != "insufficient_quota":
            return model.Answer(None, refused_by={"context_length_exceeded": "context"}.get(answer.kind, answer.kind))
        assert answer.limit is not None
        if answer.limit["name"] == "credit":
            return model.Answer(None, refused_by="credit")
        period, measure, _ = answer.limit["name"].split()
        periods = {"daily": "day", "weekly": "week", "monthly": "month"}
        measures = {"spending": "usd", "token": "tokens", "request": "requests"}
        said = f"{answer.limit['scope']} {periods.get(period, period)} {measures[measure]}"
        return model.Answer(None, refused_by=said)

    def renew(self, holds: list[int], progress: dict[int, model.Counts]) -> None:
        ids = [self._admissions[number].hold_id for number in holds]
        heartbeat.renew(
            ids, {self._admissions[number].hold_id: _counts(counts) for number, counts in progress.items()}
        )  # fmt: skip

    def sweep(self) -> None:
        recovery.sweep_stale_holds()

    def fold(self) -> None:
        rollups.fold_pending()

    def set_limit(self, subject: tuple[str, int], organization: int, terms: model.Terms) -> None:
        scope, number = subject
        on = {"key": self.keys, "project": self.projects}.get(scope)
        made = limits.set_limit(
            on[number] if on else self.houses[organization].organization,  # type: ignore[arg-type]
            limits.Terms(terms.measure, terms.amount, terms.period, terms.is_hard, terms.thresholds),
        )
        if all(known.pk != made.pk for known in self.limits):
            self.limits.append(made)

    def remove_limit(self, number: int) -> None:
        limits.remove(self.limits[number])

    def give(
        self, organization: int, source: str, amount: int, is_paid: bool, starts_at: datetime,
        expires_at: datetime | None,
    ) -> None:  # fmt: skip
        kind = GrantKind.PAYMENT if is_paid else GrantKind.OPERATOR
        to = self.houses[organization].organization
        grants.give(to, amount, kind, source=source, starts_at=starts_at, expires_at=expires_at)

    def set_price(self, price: model.Price) -> None:
        sold = LanguageModel.objects.get(name=price.model)
        if price.organization is None:
            prices.set_price(sold, TokenClass(price.token_class), price.unit_price, price.since)
            return
        Price.objects.create(
            model=sold,
            token_class=price.token_class,
            scope=PriceScope.ORGANIZATION,
            organization=self.houses[price.organization].organization,
            unit_price=price.unit_price,
            effective_from=price.since,
        )

    def revoke(self, key: int) -> None:
        keys.revoke(self.keys[key])

    # ---------------------------------------------------------------- what the rows say

    def books(self) -> dict[str, Any]:
        """As `Model.books`, from the rows."""
        organizations = {made.organization.pk: number for number, made in enumerate(self.houses)}
        numbers = {limit.pk: number for number, limit in enumerate(self.limits)}
        holds = {made.hold_id: number for number, made in enumerate(self._admissions)}
        grants_by_id = {row[0]: row[2] for row in _rows("SELECT id, organization_id, source FROM billing_creditgrant")}
        windows = {
            row[0]: (numbers[row[1]], row[2])
            for row in _rows("SELECT id, limit_id, starts_at FROM billing_spendingwindow")
        }  # fmt: skip
        return {
            "grants": {
                (organizations[row[0]], row[1]): row[2:]
                for row in _rows("SELECT organization_id, source, amount, held, burned FROM billing_creditgrant")
            },
            "windows": {
                windows[row[0]]: row[1:]
                for row in _rows(
                    "SELECT id, ends_at, opening, settled, held, cap, ceiling, next_alert FROM billing_spendingwindow"
                )
            },
            "holds": [
                _hold(row, grants_by_id, windows)
                for row in _rows(
                    "SELECT state, amount, output_cap, input_price, cached_input_price, output_price, legs, "
                    "window_legs, admitted_at FROM billing_hold ORDER BY id"
                )
            ],
            "events": {
                holds[row[0]]: (model.Counts(*row[1:4]), *row[4:])
                for row in _rows(
                    "SELECT id, input_tokens, cached_input_tokens, output_tokens, charge, overrun, usage_source "
                    "FROM usage_usageevent"
                )
            },
            "versions": {
                numbers[row[0]]: (row[1], row[2] is not None)
                for row in _rows("SELECT id, version, removed_at FROM billing_spendinglimit")
            },
            "alerts": {
                (*windows[row[0]], *row[1:3]): row[3:]
                for row in _rows("SELECT window_id, limit_version, threshold, reason, settled FROM billing_alert")
            },
            "refusals": self._refusals(),
        }

    def _refusals(self) -> dict[int, int]:
        by_key = {key.pk: number for number, key in enumerate(self.keys)}
        rows = _rows("SELECT api_key_id, SUM(count) FROM billing_refusalcount GROUP BY api_key_id")
        return {by_key[row[0]]: int(row[1]) for row in rows}


def _counts(counts: model.Counts) -> TokenCounts:
    return TokenCounts(counts.input, counts.cached_input, counts.output)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        columns = [column[0] for column in cursor.description]
        return [tuple(map(invariants.plain, columns, row)) for row in cursor.fetchall()]


def _hold(row: tuple[Any, ...], grants_by_id: dict[int, str], windows: dict[int, Any]) -> tuple[Any, ...]:
    state, amount, cap, *unit_prices, legs, window_legs, admitted_at = row
    return (
        state,
        amount,
        cap,
        tuple(unit_prices),
        [(grants_by_id[pk], part) for pk, part in legs],
        sorted((windows[pk], measure, part) for pk, measure, part in window_legs),
        admitted_at,
    )


INSTANTS = 10


def soon(at: datetime, number: int) -> datetime:
    """One of the instants after `at` at which something may change."""
    if number < 4:
        return at + [timedelta(seconds=1), timedelta(seconds=29), timedelta(seconds=31), timedelta(minutes=16)][number]
    period, zone = [(period, zone) for period in ("day", "week", "month") for zone in ZONES][number - 4]
    ends_at = model.bounds(period, at, ZoneInfo(zone))[1]
    assert ends_at is not None
    return ends_at
