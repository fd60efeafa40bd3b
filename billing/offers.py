"""What a model costs this caller and who serves it, as the catalog has it now."""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from billing.moment import Moment
from billing.terms import UpstreamTarget
from catalog.providers import open_secret
from foundation.money import UnitPrices
from foundation.sealing import SealBroken
from foundation.sql import Cursor, utc

log = logging.getLogger(__name__)

_MODELS = """
    SELECT id, name, context_length, max_output, vocabulary FROM catalog_languagemodel
    WHERE (retired_at IS NULL OR retired_at > %s) AND name = ANY(%s)"""
_PRICES = """
    SELECT model_id, token_class, scope, plan_id, organization_id, unit_price, effective_from, id FROM catalog_price
    WHERE effective_from <= %s AND model_id = ANY(%s)"""
_ROUTES = """
    SELECT r.model_id, v.id, v.name, v.base_url, v.sealed_secret, r.upstream_model
    FROM catalog_route r JOIN catalog_provider v ON v.id = r.provider_id
    WHERE r.enabled AND v.enabled AND r.model_id = ANY(%s) ORDER BY r.position, r.id"""
# The next price that begins, and the next model that is retired.
_CHANGES = (
    "SELECT effective_from FROM catalog_price WHERE effective_from > %s ORDER BY effective_from LIMIT 1",
    "SELECT retired_at FROM catalog_languagemodel WHERE retired_at > %s ORDER BY retired_at LIMIT 1",
)
_CLASSES = ("input", "cached_input", "output")
# A price for one organization beats a plan's, which beats everybody's.
_RANK = {"everybody": 0, "plan": 1, "organization": 2}
_MOST_REMEMBERED = 10_000
Priced = tuple[UnitPrices, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price as stored: pico-USD per token."""

    token_class: str
    scope: str
    plan_id: int | None
    organization_id: int | None
    unit_price: int
    effective_from: datetime
    price_id: int

    def applies(self, organization_id: int, plan_id: int | None) -> bool:
        """Whether this row speaks to the organization on the plan."""
        if self.scope == "organization":
            return self.organization_id == organization_id
        return self.scope == "everybody" or self.plan_id == plan_id


@dataclass(frozen=True, slots=True)
class Offer:
    """A model on sale: limits in tokens, its prices and who serves it."""

    name: str
    context_length: int
    max_output: int
    has_vocabulary: bool
    price_rows: tuple[PriceRow, ...]
    targets: tuple[UpstreamTarget, ...]
    _priced: dict[tuple[int, int | None], Priced | None] = field(default_factory=dict, compare=False, repr=False)

    def prices(self, organization_id: int, plan_id: int | None) -> Priced | None:
        """The prices for this organization and the ids of their rows; None when a class has no price."""
        who = (organization_id, plan_id)
        if who not in self._priced:
            if len(self._priced) > _MOST_REMEMBERED:
                self._priced.clear()
            self._priced[who] = self._find(organization_id, plan_id)
        return self._priced[who]

    def _find(self, organization_id: int, plan_id: int | None) -> Priced | None:
        best: dict[str, PriceRow] = {}
        for row in self.price_rows:
            if not row.applies(organization_id, plan_id):
                continue
            known = best.get(row.token_class)
            if known is None or precedence(row) > precedence(known):
                best[row.token_class] = row
        if len(best) < len(_CLASSES):
            return None
        chosen = [best[name] for name in _CLASSES]
        prices = UnitPrices(chosen[0].unit_price, chosen[1].unit_price, chosen[2].unit_price)
        return prices, (chosen[0].price_id, chosen[1].price_id, chosen[2].price_id)


@dataclass(slots=True)
class _Shelf:
    """The offers of one revision of one database's catalog, true from when they were read to the next price change."""

    database: str = ""
    revision: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    offers: dict[str, Offer] = field(default_factory=dict)

    def holds(self, database: str, revision: int, now: datetime) -> bool:
        """Whether what is here is what the database has at this moment."""
        if (self.database, self.revision) != (database, revision) or self.since is None:
            return False
        return self.since <= now and (self.until is None or now < self.until)


# The writer thread of a process is its only user in service; a test may have others.
_shelf = threading.local()


def precedence(row: PriceRow) -> tuple[int, datetime, int]:
    """Of the rows that apply, the greatest holds: the narrowest scope, then the newest."""
    return _RANK[row.scope], row.effective_from, row.price_id


def find(cursor: Cursor, names: list[str], revision: int | None, moment: Moment) -> dict[str, Offer]:
    """Offers by public name; a model that is unknown or retired is absent. `revision`: the catalog's, read in this
    transaction; what was read under the same one is not read again.
    """
    if revision is None:
        return {}
    database = str(connection.settings_dict["NAME"])
    shelf: _Shelf = getattr(_shelf, "own", None) or _Shelf()
    if not shelf.holds(database, revision, moment.now):
        shelf = _Shelf(database, revision, moment.now, _next_change(cursor, moment))
        _shelf.own = shelf
    missing = [name for name in names if name not in shelf.offers]
    if missing:
        shelf.offers.update(load(cursor, missing, moment.now, moment.value))
    return shelf.offers


def _next_change(cursor: Cursor, moment: Moment) -> datetime | None:
    found = [cursor.execute(statement, [moment.value]).fetchall() for statement in _CHANGES]
    return min((at for rows in found for (value,) in rows if (at := utc(value))), default=None)


def load(cursor: Cursor, names: list[str], now: datetime, now_value: Any) -> dict[str, Offer]:
    """Offers by public name; a model that is unknown or retired is absent. `now_value` as the database takes it."""
    if not names:
        return {}
    models = cursor.execute(_MODELS, [now_value, names]).fetchall()
    if not models:
        return {}
    ids = [row[0] for row in models]
    price_rows = cursor.execute(_PRICES, [now_value, ids]).fetchall()
    prices: dict[int, list[PriceRow]] = {}
    for model_id, token_class, scope, plan_id, organization_id, unit_price, since, price_id in price_rows:
        row = PriceRow(token_class, scope, plan_id, organization_id, unit_price, utc(since) or now, price_id)
        prices.setdefault(model_id, []).append(row)
    targets = _targets(cursor.execute(_ROUTES, [ids]).fetchall())
    return {
        name: Offer(name, context, max_output, bool(vocabulary), tuple(prices.get(pk, ())), tuple(targets.get(pk, ())))
        for pk, name, context, max_output, vocabulary in models
    }


def _targets(routes: Iterable[Any]) -> dict[int, list[UpstreamTarget]]:
    """Who serves each model, by its primary key; a provider whose key cannot be read serves nobody."""
    targets: dict[int, list[UpstreamTarget]] = {}
    for model_id, provider_id, provider, base_url, sealed, upstream_model in routes:
        try:
            secret = open_secret(sealed, provider)
        except SealBroken:
            log.error(
                "provider %s is not asked for %s: its key was stored with another ENCRYPTION_KEY. "
                "Set that one, or enter the provider's key again (in the admin, or with manage.py connect_provider).",
                provider,
                upstream_model,
            )
            continue
        targets.setdefault(model_id, []).append(UpstreamTarget(provider_id, provider, base_url, secret, upstream_model))
    return targets
