"""Card, chart, table, CSV and ledger say one number, for 24 filters x 3 metrics over requests that were settled."""

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.test import Client

from accounts.models import ApiKey, Organization, Project, User
from billing import demo_history, demo_organization, demo_traffic, opening
from billing.models import Account, LedgerEntry
from foundation import periods
from tests.dashboard.metered import chart, logged_in, nano, rows
from usage.models import UsageEvent

# Two weeks over the end of October: the clock of Europe/Berlin changes, and the month.
NOW = datetime(2026, 11, 5, 10, 30, tzinfo=UTC)
PERIODS = {
    "period=today": (date(2026, 11, 5), date(2026, 11, 5)),
    "period=7d": (date(2026, 10, 30), date(2026, 11, 5)),
    "period=month": (date(2026, 11, 1), date(2026, 11, 5)),
    "from=2026-10-24&to=2026-10-25": (date(2026, 10, 24), date(2026, 10, 25)),
}
NARROWED = ("", "project", "key", "model", "key and model", "two projects and a model")
METRICS = {"cost": "charge", "tokens": "tokens", "requests": "requests"}
GROUPINGS = itertools.cycle(("model", "key", "project", "day"))
pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture(scope="module")
def northwind(django_db_setup: None, django_db_blocker: Any) -> Any:
    """The demo organization, whose past is booked by settlement itself; rolled back after this file."""
    with (
        pytest.MonkeyPatch.context() as patched,
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
    ):
        patched.setattr(demo_traffic, "_QUIET_DAY", 3)
        opening.seed_if_empty()
        demo_history.make("long enough word", lambda done, total: None, NOW, 14)
        yield Organization.objects.get(name=demo_organization.NAME)
        transaction.set_rollback(True)


def narrowed(organization: Organization, how: str) -> tuple[str, dict[str, Any]]:
    """The filter as the address writes it, and as the database does."""
    busiest = UsageEvent.objects.filter(organization=organization).values("api_key").annotate(n=Sum("charge"))
    key = ApiKey.objects.get(pk=busiest.order_by("-n")[0]["api_key"])
    projects = list(Project.objects.filter(organization=organization).order_by("pk")[:2])
    model = UsageEvent.objects.filter(api_key=key).order_by("model")[0].model
    parts: list[tuple[str, str, dict[str, Any]]] = []
    if how == "project":
        parts.append(("project", key.project.public_id, {"project": key.project}))
    if "key" in how:
        parts.append(("key", key.public_id, {"api_key": key}))
    if "projects" in how:
        parts += [("project", one.public_id, {"project__in": projects}) for one in projects]
    if "model" in how:
        parts.append(("model", model, {"model": model}))
    where: dict[str, Any] = {}
    for _, _, condition in parts:
        where |= condition
    return "&".join(f"{name}={value}" for name, value, _ in parts), where


def in_ledger(events: QuerySet[UsageEvent]) -> dict[str, int]:
    """What the books have for these requests: earned, and taken from the customer's credit."""
    entries = LedgerEntry.objects.filter(event_id__in=events.values("pk"))
    earned = entries.filter(account=Account.REVENUE).aggregate(sum=Sum("amount"))["sum"] or 0
    taken = entries.filter(account=Account.CREDIT).aggregate(sum=Sum("amount"))["sum"] or 0
    assert earned == -taken
    tokens = events.aggregate(all=Sum("input_tokens") + Sum("cached_input_tokens") + Sum("output_tokens"))["all"]
    return {"charge": earned, "tokens": tokens or 0, "requests": events.count()}


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("how", NARROWED)
def test_every_figure_is_the_ledgers(northwind: Organization, period: str, how: str) -> None:
    query, where = narrowed(northwind, how)
    first, last = PERIODS[period]
    begins = periods.day_start(first, northwind.zone)
    ends = periods.day_start(last + timedelta(days=1), northwind.zone)
    events = UsageEvent.objects.filter(organization=northwind, occurred_at__gte=begins, occurred_at__lt=ends, **where)
    want = in_ledger(events)
    assert want["requests"], "the filter should find something"
    client = logged_in(User.objects.get(email=demo_organization.OWNER))
    base = "&".join(part for part in (period, query) if part)
    for metric, name in METRICS.items():
        page_agrees(client, f"?{base}&metric={metric}&by={next(GROUPINGS)}", metric, want[name], want)
    lines = rows(client, f"?{base}")
    assert sum(nano(line["cost"]) for line in lines) == want["charge"]
    assert sum(int(line["total_tokens"]) for line in lines) == want["tokens"]
    assert sum(int(line["requests"]) for line in lines) == want["requests"]


def page_agrees(client: Client, address: str, metric: str, total: int, want: dict[str, int]) -> None:
    text = client.get(f"/usage/{address}").content.decode()
    read = nano if metric == "cost" else int
    assert cards(text) == want
    assert sum(int(value) for one in chart(text)["series"] for value in one["values"]) == total
    body, foot = text.split('class="asTable"')[1].split("</table>")[0].split("<tfoot>")
    assert sum(read(value) for value, _ in data(body)) == read(data(foot)[-1][0]) == total
    breakdown = data(text.split('id="breakdown"')[1].split("</table>")[0])
    assert sum(nano(value) for value, _ in breakdown[:-1]) == nano(breakdown[-1][0]) == want["charge"]
    money = [*breakdown, *data(card(text, "Total spend"))] + (data(body) + data(foot) if metric == "cost" else [])
    for value, shown in money:
        assert is_zero(shown) == (nano(value) == 0), f"{value} is shown as {shown}"


def data(text: str) -> list[tuple[str, str]]:
    """The exact figures in a part of the page, each with what is shown."""
    return re.findall(r'<data value="([\d.]+)">([^<]+)</data>', text)


def card(text: str, title: str) -> str:
    return text.split(f'<div class="subheader">{title}</div>')[1].split("</div>")[0]


def cards(text: str) -> dict[str, int]:
    titles = {"charge": "Total spend", "tokens": "Tokens", "requests": "Requests"}
    found = {name: data(card(text, title))[0][0] for name, title in titles.items()}
    return {name: nano(value) if name == "charge" else int(value) for name, value in found.items()}


def is_zero(shown: str) -> bool:
    return not re.search(r"[1-9]", shown)
