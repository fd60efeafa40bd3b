"""A seeded schedule for the money core, and the whole state that it ends in, without ids.

`python -c "import django; django.setup(); from tests.billing import schedule; schedule.main()" SEED...` prints both.
"""

import json
import random
import sys
from datetime import datetime
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from tests.billing import invariants, shop
from tests.billing.model import CLASSES, Counts, Ending, Price, Request, Terms

STEPS = 120
# Ids that the database gives, by the columns that name them.
_NAMED = {
    "organization_id": "accounts_organization",
    "project_id": "accounts_project",
    "api_key_id": "accounts_apikey",
    "limit_id": "billing_spendinglimit",
    "window_id": "billing_spendingwindow",
    "grant_id": "billing_creditgrant",
}
_TABLES = (
    "billing_creditgrant", "billing_spendinglimit", "billing_spendingwindow", "billing_hold", "billing_ledgerentry",
    "billing_alert", "billing_outboxmessage", "billing_refusalcount", "usage_usageevent", "usage_usagerollup",
    "usage_pendingrollup", "usage_keyspan", "usage_keytotal", "usage_projectspan",
)  # fmt: skip
# Random, or of the database's own making.
_LEFT_OUT = {"public_id", "secret_id", "user_id", "created_by_id"}


def main() -> None:
    """Migrate an empty database, run the schedules of the seeds and print what they end in."""
    call_command("migrate", interactive=False, verbosity=0)
    made = shop.Shop()
    json.dump({seed: run(made, int(seed)) for seed in sys.argv[1:]}, sys.stdout)


def run(made: shop.Shop, seed: int) -> dict[str, Any]:
    """All answers and the state at the end; nothing stays."""
    with transaction.atomic():
        try:
            return _run(made, random.Random(seed))
        finally:
            made.close()
            transaction.set_rollback(True)


def _run(made: shop.Shop, chance: random.Random) -> dict[str, Any]:
    told = made.open(chance.choice(shop.STARTS))
    now = told.now
    answers: list[Any] = []
    admitted = limits = gifts = 0
    for number in range(STEPS):
        step = chance.random()
        if step < 0.5:
            asked = [_request(chance) for _ in range(chance.randrange(6))]
            recent = list(range(admitted))[-8:]
            ended = [Ending(hold, _counts(chance)) for hold in recent if chance.random() < 0.4]
            said, charged = made.batch(asked, ended)
            admitted += sum(answer.hold is not None for answer in said)
            answers.append([[answer.hold, answer.output_cap, answer.refused_by] for answer in said])
            answers.append(charged)
        elif step < 0.6:
            now = shop.soon(now, chance.randrange(shop.INSTANTS))
            made.move_to(now)
        elif step < 0.7:
            subject, organization = chance.choice(
                [(("key", 0), 0), (("key", 3), 1), (("project", 1), 0), (("organization", 0), 0)]
            )
            measure, amount = chance.choice([("usd", 200_000), ("usd", 57_700), ("tokens", 300), ("requests", 4)])
            period = chance.choice(["day", "week", "month", "lifetime"])
            made.set_limit(subject, organization, Terms(measure, amount, period, chance.random() < 0.8, (50, 80, 100)))
            limits = len(made.limits)
        elif step < 0.74 and limits:
            made.remove_limit(chance.randrange(limits))
        elif step < 0.8:
            gifts += 1
            expires_at = chance.choice([None, shop.soon(now, 4), shop.soon(now, 6)])
            gift = (chance.randrange(2), f"gift:{gifts}", chance.choice([57_700, 1_000_000]), chance.random() < 0.5)
            made.give(*gift, now, expires_at)
        elif step < 0.84:
            # A price an instant.
            unit_price = chance.choice([0, 499, 270_001, 1_100_003])
            now = shop.soon(now, 0)
            made.move_to(now)
            organization = chance.choice([None, 0])
            made.set_price(
                Price(chance.choice(shop.MODELS), chance.choice(CLASSES), unit_price, now, organization)
            )  # fmt: skip
        elif step < 0.9:
            made.fold()
        elif step < 0.95:
            made.sweep()
        else:
            recent = list(range(admitted))[-4:]
            made.renew(recent, dict.fromkeys(recent[:2], Counts(10, 1, number % 40)))
    broken = invariants.broken(now)
    return {"answers": answers, "state": dump(), "broken": broken}


def _request(chance: random.Random) -> Request:
    return Request(
        chance.randrange(4), chance.choice(shop.MODELS), chance.choice([1, 10, 33]), 40, chance.choice([None, 7, 50])
    )


def _counts(chance: random.Random) -> Counts | None:
    if chance.random() < 0.2:
        return None
    return Counts(chance.choice([0, 10, 70]), chance.choice([0, 3]), chance.choice([0, 20, 50, 130]))


# ---------------------------------------------------------------- the state


def dump() -> dict[str, list[Any]]:
    """All rows of the money core with the places of ids instead of ids; both databases must have the same."""
    places = {table: _places(table) for table in {*_NAMED.values(), "catalog_price", "billing_hold"}}
    found = {}
    for table in _TABLES:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        found[table] = sorted((_said(table, row, places) for row in rows), key=_by_text)
    return found


def _by_text(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def _places(table: str) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} ORDER BY id")
        return {row[0]: place for place, row in enumerate(cursor.fetchall())}


def _said(table: str, row: dict[str, Any], places: dict[str, dict[int, int]]) -> dict[str, Any]:
    said = {}
    for column, value in sorted(row.items()):
        if column in _LEFT_OUT:
            continue
        said[column] = _value(table, column, value, places)
    return said


def _value(table: str, column: str, value: Any, places: dict[str, dict[int, int]]) -> Any:
    if value is None:
        return None
    if column == "id":
        # The place among its kind says in which order things were made.
        return places[table][value] if table in places else None
    if column == "event_id":
        return places["billing_hold"][value]
    if column in _NAMED:
        return places[_NAMED[column]][value]
    if column == "price_ids":
        return [places["catalog_price"][int(pk)] for pk in value.split(",")]
    if column == "transaction":
        kind, _, pk = value.partition(":")
        return [kind, places["billing_hold" if kind == "event" else "billing_creditgrant"][int(pk)]]
    if column in {"legs", "window_legs"}:
        named = places["billing_creditgrant" if column == "legs" else "billing_spendingwindow"]
        return [[named[leg[0]], *leg[1:]] for leg in json.loads(value)]
    return _plain(column, invariants.plain(column, value))


def _plain(column: str, value: Any) -> Any:
    if column == "payload":
        told = json.loads(value) if isinstance(value, str) else value
        return {name: what for name, what in told.items() if name not in {"limit_id", "scope_id"}}
    if isinstance(value, datetime):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value
