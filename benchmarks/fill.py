#!/usr/bin/env python
"""Fills an empty PostgreSQL with one organization's months of usage: `benchmarks/fill.py --database-url URL`.

    benchmarks/fill.py --database-url URL [--events 10000000] [--keys 10000] [--seed 1] [--days 90] [--zone UTC]

Some keys are used very much and most a little, in a dozen projects, by forty members, with five models, more by day
than by night. The same seed and moment give the same rows. Events come with their rollups, spans of every width and
credit that pays for them, but without holds and ledger entries of their own: it is for measuring pages, not for
proving books. Indexes are made after the rows. Never run it on a database that somebody needs.
"""

import argparse
import os
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Not this folder, whose `trace` would hide that of the standard library.
    sys.path[0] = str(ROOT)

import django  # noqa: E402
import psycopg  # noqa: E402

from benchmarks.progress import Progress  # noqa: E402

EMAIL = "fill@meterhouse.localhost"
PROJECTS, MEMBERS = 12, 40
# Public name, prices of input, cached input and output in pico-USD per token, share of the requests.
MODELS = (
    ("deepseek-chat", (270_000, 70_000, 1_100_000), 50),
    ("deepseek-coder", (140_000, 14_000, 280_000), 22),
    ("deepseek-reasoner", (550_000, 140_000, 2_190_000), 15),
    ("embedding-small", (20_000, 0, 0), 10),
    ("vision-large", (2_500_000, 1_250_000, 10_000_000), 3),
)
_COLUMNS = (
    "id, organization_id, project_id, api_key_id, user_id, request_id, model, occurred_at, first_token_ms, "
    "duration_ms, stream, status, error_code, finish_reason, usage_source, input_tokens, cached_input_tokens, "
    "output_tokens, input_price, cached_input_price, output_price, price_ids, charge, overrun"
)
_SUMS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "charge", "saved", "saved_pico")
_PART = 20_000
# Requests of the last moment: no today and no month is empty, whenever it is.
_JUST_NOW = 10
# Requests of each hour of the day, UTC.
_HOURS = (3, 2, 2, 2, 3, 5, 8, 12, 16, 18, 19, 18, 17, 18, 19, 18, 16, 13, 10, 8, 7, 6, 5, 4)


@dataclass(frozen=True, slots=True)
class Volume:
    """How much, over which time."""

    events: int
    keys: int
    seed: int = 1
    days: int = 90
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class _Key:
    pk: int
    project_id: int
    # As COPY takes it.
    owner: str
    # The model that it uses most.
    model: int


def fill(url: str, volume: Volume, now: datetime) -> None:
    """Fill the database, which must be migrated and empty; Django works on it."""
    # Django is set up only now.
    from django.db import transaction  # noqa: PLC0415

    with transaction.atomic():
        organization_id, keys = _open(volume, now)
    with psycopg.connect(url) as connection:
        cursor = connection.cursor()
        # Neither triggers nor foreign keys for these rows.
        cursor.execute("SET session_replication_role = replica")
        tables = ("usage_usageevent", "usage_usagerollup", "usage_keyspan", "usage_keytotal", "usage_projectspan")
        rebuilt = [statement for table in tables for statement in _drop_indexes(cursor, table)]
        progress = Progress(volume.events)
        with cursor.copy(f"COPY usage_usageevent ({_COLUMNS}) FROM STDIN") as copy:
            for lines in _events(organization_id, keys, volume, now):
                copy.write("".join(lines))
                progress.done += len(lines) - 1
                progress.step()
        progress.finish()
        cursor.execute("SET work_mem = '512MB'")
        _roll_up(cursor)
        _pay(cursor, organization_id)
        for statement in rebuilt:
            cursor.execute(statement)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _open(volume: Volume, now: datetime) -> tuple[int, list[_Key]]:
    """The organization with its people, projects and keys."""
    from accounts.models import ApiKey, ApiKeySecret, Membership, Organization, Project, User  # noqa: PLC0415
    from accounts.roles import Role  # noqa: PLC0415
    from billing import opening  # noqa: PLC0415
    from billing.models import Subscription  # noqa: PLC0415

    chance = random.Random(volume.seed)
    since = now - timedelta(days=volume.days)
    opening.seed_if_empty()
    owner = User.objects.create_user(EMAIL, None, name="Fill", time_zone=volume.zone)
    organization = opening.open_organization(owner, "Filled")
    Organization.objects.filter(pk=organization.pk).update(created_at=since, confirmed_at=since, time_zone=volume.zone)
    Subscription.objects.filter(organization=organization).update(requests_per_minute=100_000)
    people = [owner] + [
        User.objects.create(email=f"member-{number}@meterhouse.localhost", name=f"Member {number}")
        for number in range(MEMBERS - 1)
    ]
    Membership.objects.bulk_create(
        Membership(organization=organization, user=user, role=Role.DEVELOPER) for user in people[1:]
    )
    projects = [organization.projects.get()] + [
        Project.objects.create(organization=organization, name=f"Project {number}") for number in range(PROJECTS - 1)
    ]
    keys = ApiKey.objects.bulk_create(
        ApiKey(
            organization=organization,
            project=projects[min(int(chance.expovariate(0.4)), PROJECTS - 1)],
            owner=chance.choice(people) if chance.random() < 0.6 else None,
            created_by=owner,
            name=f"key-{number:05d}",
            scopes=["inference"],
            created_at=since + timedelta(seconds=number),
            revoked_at=now if chance.random() < 0.03 else None,
        )
        for number in range(volume.keys)
    )
    ApiKeySecret.objects.bulk_create(
        ApiKeySecret(api_key=key, fingerprint=f"{number:064x}", last_four=f"{number % 10_000:04d}")
        for number, key in enumerate(keys)
    )
    models = chance.choices(range(len(MODELS)), [share for _, _, share in MODELS], k=len(keys))
    return organization.pk, [
        _Key(key.pk, key.project_id, str(key.owner_id or "\\N"), model) for key, model in zip(keys, models, strict=True)
    ]


def _events(organization_id: int, keys: list[_Key], volume: Volume, now: datetime) -> Iterator[list[str]]:
    """Lines for COPY, in the order of time."""
    from billing import rating  # noqa: PLC0415
    from foundation.money import UnitPrices  # noqa: PLC0415
    from usage.counts import TokenCounts  # noqa: PLC0415

    chance = random.Random(volume.seed + 1)
    prices = [UnitPrices(*found) for _, found, _ in MODELS]
    shown = [(name, "\t".join(map(str, found))) for name, found, _ in MODELS]
    start = (now - timedelta(days=volume.days)).timestamp()
    hours = list(accumulate(_HOURS))
    step = volume.days * 86_400 / volume.events
    draw, number_of_keys = chance.random, len(keys)
    lines: list[str] = []
    for number in range(volume.events):
        # Even over the days, and inside each one as busy as its hours.
        day, within = divmod((number + draw()) * step, 86_400)
        place = within / 86_400 * hours[-1]
        hour = bisect(hours, place)
        before = hours[hour - 1] if hour else 0
        at = datetime.fromtimestamp(start + day * 86_400 + (hour + (place - before) / _HOURS[hour]) * 3600, UTC)
        if number >= volume.events - _JUST_NOW:
            at = now - timedelta(milliseconds=volume.events - number)
        key = keys[int(number_of_keys * draw() ** 3)]
        model = key.model if draw() < 0.85 else int(draw() * len(MODELS))
        prompt = int(chance.expovariate(1 / 900)) + 8
        cached = prompt * 3 // 4 if draw() < 0.35 else 0
        output = 0 if model == 3 else int(chance.expovariate(1 / 240)) + 1
        charge = rating.charge(TokenCounts(prompt - cached, cached, output), prices[model])
        name, pinned = shown[model]
        took = 300 + output * 12
        lines.append(
            f"{number + 1}\t{organization_id}\t{key.project_id}\t{key.pk}\t{key.owner}\treq_{number:020d}\t{name}"
            f"\t{at.isoformat()}\t{took // 4}\t{took}\tf\t200\t\tstop\tupstream\t{prompt - cached}\t{cached}\t{output}"
            f"\t{pinned}\t1,2,3\t{charge}\t0\n"
        )
        if len(lines) == _PART:
            yield lines
            lines = []
    if lines:
        yield lines


def _drop_indexes(cursor: Any, table: str) -> list[str]:
    """Drop what is no constraint; the statements that make it again."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT IN "
        "(SELECT conname FROM pg_constraint)",
        [table],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [statement for _, statement in found]


def _roll_up(cursor: Any) -> None:
    """The rollups and spans, which settling and folding would have made; each width from the one before it."""
    from usage.spans import OF_KEY_TOTALS, OF_KEYS, OF_PROJECTS  # noqa: PLC0415

    saved = "(input_price - cached_input_price) * cached_input_tokens"
    sums = ", ".join(f"SUM({name})" for name in _SUMS)
    columns = "organization_id, project_id, api_key_id, model, bucket"
    cursor.execute(
        f"INSERT INTO usage_usagerollup ({columns}, {', '.join(_SUMS)}) SELECT organization_id, project_id, "
        "api_key_id, model, date_bin('15 minutes', occurred_at, 'epoch') AS bucket, COUNT(*), SUM(input_tokens), "
        f"SUM(cached_input_tokens), SUM(output_tokens), SUM(charge), SUM({saved} / 1000), SUM({saved} % 1000) "
        "FROM usage_usageevent GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 5, 2, 3, 4"
    )
    chains = (
        (OF_KEYS, "project_id, api_key_id, model"),
        (OF_KEY_TOTALS[1:], "project_id, api_key_id"),
        ((OF_KEYS[0], *OF_PROJECTS), "project_id, model"),
    )
    for (narrowest, *levels), who in chains:
        source = f"{narrowest.table} WHERE {narrowest.where}"
        for level in levels:
            cursor.execute(
                f"INSERT INTO {level.table} (organization_id, {who}, width, bucket, {', '.join(_SUMS)}) "
                f"SELECT organization_id, {who}, {level.width}, "
                f"date_bin('{level.width} minutes', bucket, 'epoch') AS start, {sums} FROM {source} "
                f"GROUP BY organization_id, {who}, start ORDER BY organization_id, start, {who}"
            )
            source = f"{level.table} WHERE {level.where}"


def _pay(cursor: Any, organization_id: int) -> None:
    """One grant that paid for everything and has something left."""
    cursor.execute(
        "INSERT INTO billing_creditgrant (organization_id, kind, is_paid, source, amount, burned, held, priority, "
        "starts_at, created_at, note) SELECT organization_id, 'payment', true, 'payment:fill', 2 * SUM(charge) + 1000, "
        "SUM(charge), 0, 100, MIN(occurred_at), MIN(occurred_at), '' FROM usage_usageevent WHERE organization_id = %s "
        "GROUP BY 1",
        [organization_id],
    )


def main() -> int:
    """Fill what the options name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--zone", default="UTC")
    options = parser.parse_args()
    os.environ["DATABASE_URL"] = options.database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    # Django is set up only now.
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    volume = Volume(options.events, options.keys, options.seed, options.days, options.zone)
    fill(options.database_url, volume, datetime.now(UTC))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
