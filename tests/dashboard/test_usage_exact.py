"""Cards, chart, tables, export and events agree to the last nano-dollar, whatever the filter."""

import itertools
import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine

from accounts import keys
from foundation import periods
from tests.dashboard.metered import chart, logged_in, nano, record, request_of, rows
from tests.people import house

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
PERIODS = {
    "period=today": (date(2026, 11, 23), date(2026, 11, 23)),
    "period=7d": (date(2026, 11, 17), date(2026, 11, 23)),
    "": (date(2026, 10, 25), date(2026, 11, 23)),
    "period=last-month": (date(2026, 10, 1), date(2026, 10, 31)),
    "from=2026-10-24&to=2026-10-25": (date(2026, 10, 24), date(2026, 10, 25)),
    "from=2026-04-01&to=2026-11-23": (date(2026, 4, 1), date(2026, 11, 23)),
}
NARROW = ("", "project", "key", "model")
METRICS = {"cost": "charge", "tokens": "tokens", "requests": "requests"}
GROUPINGS = ("model", "key", "project", "day")
MODELS = ["deepseek-chat", "deepseek-coder", "deepseek-math", "<b>odd</b>", "e", "f", "g,h"]
CASES = [(period, narrow) for period in PERIODS for narrow in NARROW]
pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def world():
    """Two projects, four keys, seven models; amounts that a float cannot hold."""
    with time_machine.travel(NOW - timedelta(days=400), tick=False):
        alice = house("Alice")
    with time_machine.travel(NOW, tick=False):
        alice.organization.time_zone = ZONE.key
        alice.organization.save()
        other = alice.organization.projects.create(name="Storefront")
        made = [alice.key("one")[0], alice.key("two")[0], keys.playground_key(other)]
        made.append(keys.create(other, "old", alice.actor).api_key)
        keys.revoke(made[3], alice.actor)
        chance = random.Random(7)
        events = []
        for _ in range(240):
            at = NOW - timedelta(seconds=chance.randrange(1, 36 * 86400 if chance.random() < 0.7 else 240 * 86400))
            events.append(_request(chance, made, at))
        for day in (date(2026, 10, 25), date(2026, 11, 23), date(2026, 10, 1)):
            start = periods.day_start(day, ZONE)
            events += [_request(chance, made, start + timedelta(seconds=seconds)) for seconds in (-1, 0, 900, 3600)]
        record(*events)
        yield alice, made, other, events


def _request(chance, made, at):
    return request_of(
        chance.choice(made),
        at,
        model=chance.choice(MODELS),
        charge=chance.choice([0, 1, 999, 217_000, 1_234_567_891, 9_007_199_254_740_993]),
        tokens=(chance.randrange(9000), chance.randrange(9000), chance.randrange(900)),
    )


def expected(events, days, narrow, chosen):
    """Sums straight from the events."""
    fits = [event for event in events if days[0] <= event.occurred_at.astimezone(ZONE).date() <= days[1]]
    if narrow == "project":
        fits = [event for event in fits if event.project_id == chosen.pk]
    if narrow == "key":
        fits = [event for event in fits if event.api_key_id == chosen.pk]
    if narrow == "model":
        fits = [event for event in fits if event.model == chosen]
    return {
        "charge": sum(event.charge for event in fits),
        "tokens": sum(event.input_tokens + event.cached_input_tokens + event.output_tokens for event in fits),
        "requests": len(fits),
        "saved": sum(event.cached_input_tokens * (event.input_price - event.cached_input_price) for event in fits)
        // 1000,
    }


@pytest.mark.parametrize(("period", "narrow"), CASES)
def test_everything_on_the_page_agrees_with_the_events(world, period, narrow):
    alice, made, other, events = world
    chosen = {"project": other, "key": made[0], "model": "deepseek-chat"}.get(narrow)
    value = getattr(chosen, "public_id", chosen)
    base = "&".join(part for part in (period, f"{narrow}={value}" if narrow else "") if part)
    want = expected(events, PERIODS[period], narrow, chosen)
    client = logged_in(alice.owner)
    groupings = itertools.cycle(GROUPINGS)
    for _ in range(CASES.index((period, narrow))):
        next(groupings)
    for metric, name in METRICS.items():
        grouping = next(groupings)
        page = client.get(f"/usage/?{base}&metric={metric}&by={grouping}")
        assert page.status_code == 200
        report = page.context["report"]
        assert report.total.charge == want["charge"]
        assert report.total.tokens == want["tokens"]
        assert report.total.requests == want["requests"]
        assert report.saved == want["saved"]
        text = page.content.decode()
        if not want["requests"]:
            assert "No usage" in text
            continue
        if want[name]:
            data = chart(text)
            assert data["metric"] == metric
            assert sum(int(value) for one in data["series"] for value in one["values"]) == want[name]
            assert len(data["series"]) <= 6
            _check_chart_table(text, metric, want[name])
        _check_breakdown(report, text, want)
    lines = rows(client, f"?{base}")
    assert sum(nano(line["cost"]) for line in lines) == want["charge"]
    assert sum(int(line["requests"]) for line in lines) == want["requests"]
    assert sum(int(line["total_tokens"]) for line in lines) == want["tokens"]
    assert {line["time_zone"] for line in lines} <= {ZONE.key}


def _check_chart_table(text, metric, total):
    table = text.split('class="asTable"')[1].split("</table>")[0]
    body, foot = table.split("<tfoot>")
    every = re.findall(r'<data value="([\d.]+)">', body)
    read = nano if metric == "cost" else int
    assert sum(read(value) for value in every) == total
    assert read(re.findall(r'<data value="([\d.]+)">', foot)[-1]) == total


def _check_breakdown(report, text, want):
    assert sum(line.sums.charge for line in report.lines) == want["charge"]
    assert sum(line.sums.tokens for line in report.lines) == want["tokens"]
    assert sum(line.sums.requests for line in report.lines) == want["requests"]
    table = text.split('id="breakdown"')[1].split("</table>")[0]
    cells = re.findall(r'<data value="([\d.]+)">([^<]+)</data>', table)
    assert sum(nano(value) for value, _ in cells[:-1]) == nano(cells[-1][0]) == want["charge"]
    for value, shown in cells:
        assert (Decimal(shown.replace(",", "")) == 0) == (nano(value) == 0), "a cost that is not zero shows as zero"


def test_one_nano_dollar_is_seen_everywhere():
    with time_machine.travel(NOW, tick=False):
        alice = house("Alice")
        record(request_of(alice.key("one")[0], NOW - timedelta(hours=1), charge=1))
        client = logged_in(alice.owner)
        text = client.get("/usage/").content.decode()
        assert "&lt;$0.000001" in text
        assert ">0.000000001</data>" in text
        assert "$0.00<" not in text.split('class="card row-stats')[1].split("Requests")[0]
        assert [line["cost"] for line in rows(client)] == ["0.000000001"]


def test_free_models_have_a_page_without_cost():
    with time_machine.travel(NOW, tick=False):
        alice = house("Alice")
        record(request_of(alice.key("one")[0], NOW - timedelta(hours=1), charge=0))
        text = logged_in(alice.owner).get("/usage/").content.decode()
        assert "These requests cost nothing." in text
        assert (
            chart(logged_in(alice.owner).get("/usage/?metric=tokens").content.decode())["series"][0]["values"][-1]
            == "15"
        )


def test_other_holds_what_is_beyond_the_five_largest(world):
    alice, *_ = world
    page = logged_in(alice.owner).get("/usage/?from=2026-04-01&to=2026-11-23")
    series = chart(page.content.decode())["series"]
    assert [one["swatch"] for one in series] == ["0", "1", "2", "3", "4", "other"]
    totals = [sum(int(value) for value in one["values"]) for one in series]
    assert totals[:5] == sorted(totals[:5], reverse=True)


def test_order_and_colour_stay_while_the_metric_changes(world):
    alice, *_ = world
    client = logged_in(alice.owner)
    orders = [
        [(one["name"], one["swatch"]) for one in chart(client.get(f"/usage/?metric={name}").content.decode())["series"]]
        for name in METRICS
    ]
    assert orders[0] == orders[1] == orders[2]


def test_a_model_keeps_its_colour_under_a_filter(world):
    alice, *_ = world
    client = logged_in(alice.owner)
    third = chart(client.get("/usage/").content.decode())["series"][2]
    (alone,) = chart(client.get("/usage/", {"model": third["name"]}).content.decode())["series"]
    assert (alone["name"], alone["swatch"]) == (third["name"], third["swatch"])
