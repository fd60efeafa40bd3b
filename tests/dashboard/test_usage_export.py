"""The export: exactly the filter, exact amounts, times in UTC, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts import keys
from dashboard import usage_export
from dashboard.usage_filters import Scope, UsageFilter
from tests.dashboard.metered import logged_in, record, request_of, rows
from tests.people import house

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
NAMES = ["=1+2", "+1", "-1", "@SUM(A1)", "\tcmd", "\rcmd", 'say "hi", twice', "two\nlines", "plain", "键"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    with time_machine.travel(NOW, tick=False):
        made = house("Alice")
        made.organization.name = "Northwind & Söhne"
        made.organization.save()
        yield made


def test_the_file_is_named_after_the_filter(alice):
    response = logged_in(alice.owner).get("/usage/export.csv?period=7d")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    name = 'attachment; filename="usage_northwind-sohne_2026-11-17_2026-11-23.csv"'
    assert response["Content-Disposition"] == name
    assert "no-store" in response["Cache-Control"]


def test_columns_and_exact_values(alice):
    key, _ = alice.key("one")
    record(request_of(key, NOW - timedelta(hours=2), charge=1_234_567_891, tokens=(6, 4, 5)))
    (line,) = rows(logged_in(alice.owner))
    assert line == {
        "period_start": "2026-11-23T00:00:00Z",
        "period_end": "2026-11-24T00:00:00Z",
        "time_zone": "UTC",
        "project_id": alice.project.public_id,
        "project": "Default",
        "api_key_id": key.public_id,
        "api_key": "one",
        "model": "deepseek-chat",
        "requests": "1",
        "input_tokens": "10",
        "cached_input_tokens": "4",
        "output_tokens": "5",
        "total_tokens": "15",
        "cost": "1.234567891",
        "currency": "USD",
    }


def test_no_cell_is_a_formula_and_every_name_survives(alice):
    made = []
    for name in NAMES:
        key, _ = alice.key("later")
        key.name = name
        key.save()
        made.append(key)
    record(*(request_of(key, NOW - timedelta(hours=1), model=key.name) for key in made))
    client = logged_in(alice.owner)
    body = b"".join(client.get("/usage/export.csv").streaming_content).decode()
    assert body.count("\r\n") >= len(NAMES) + 1
    found = {line["api_key_id"]: line for line in csv.DictReader(io.StringIO(body, newline=""))}
    for key in made:
        line = found[key.public_id]
        for cell in line.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        expected = f"'{key.name}" if key.name[0] in "=+-@\t\r" else key.name
        assert line["api_key"] == line["model"] == expected


def test_revoked_and_built_in_keys_are_named_as_on_the_page(alice):
    old, _ = alice.key("old-agent")
    playground = keys.playground_key(alice.project)
    record(request_of(old, NOW - timedelta(hours=1)), request_of(playground, NOW - timedelta(hours=1)))
    keys.revoke(old, alice.actor)
    client = logged_in(alice.owner)
    assert {line["api_key"] for line in rows(client)} == {"old-agent (revoked)", "Playground"}
    text = client.get("/usage/?by=key").content.decode()
    assert "old-agent (revoked)</a>" in text and "Playground</a>" in text


def test_wrong_days_are_no_file(alice):
    response = logged_in(alice.owner).get("/usage/export.csv?from=2026-11-02&to=2026-11-01")
    assert response.status_code == 400
    assert response.content.decode() == "to: The last day lies before the first."


def test_an_empty_filter_is_a_header(alice):
    body = b"".join(logged_in(alice.owner).get("/usage/export.csv").streaming_content).decode()
    assert body.startswith("period_start,") and body.count("\r\n") == 1


def test_it_is_sent_period_by_period(alice, django_assert_num_queries):
    key, _ = alice.key("one")
    record(*(request_of(key, NOW - timedelta(days=day)) for day in range(5)))
    scope = Scope(alice.organization, [alice.project], True, True)
    first = NOW.date() - timedelta(days=4)
    parts = iter(usage_export.response(UsageFilter(scope, NOW.date(), "custom", first, NOW.date())).streaming_content)
    with django_assert_num_queries(0):
        next(parts)
    # One report, and the names of keys that were not known.
    with django_assert_num_queries(2):
        next(parts)
    with django_assert_num_queries(1):
        next(parts)
