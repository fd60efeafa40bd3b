"""Pages are measured on filled databases, with every query counted, and by bounds that can break."""

import argparse
from contextlib import closing

import psycopg
import pytest

from benchmarks import pages
from benchmarks.pages import FileReading, Reading, table
from tests.postgres_server import PostgresServer, binaries

EVENTS = 1_500
_SPANS = """
    SELECT table_name, width, SUM(requests), SUM(charge), SUM(saved * 1000 + saved_pico) FROM (
    SELECT 'rollup' AS table_name, 15 AS width, requests, charge, saved, saved_pico FROM usage_usagerollup UNION ALL
    SELECT 'key', width, requests, charge, saved, saved_pico FROM usage_keyspan UNION ALL
    SELECT 'total', width, requests, charge, saved, saved_pico FROM usage_keytotal UNION ALL
    SELECT 'project', width, requests, charge, saved, saved_pico FROM usage_projectspan) s GROUP BY 1, 2"""


@pytest.mark.server
@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed")
def test_two_sizes_are_filled_and_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(pages, "PAGES", {name: addresses[:2] for name, addresses in pages.PAGES.items()})
    options = argparse.Namespace(keys=60, zone="Asia/Kathmandu")
    with closing(PostgresServer(*pages.SERVER)) as server:
        few, many = (pages._filled(server, events, options) for events in (150, EVENTS))
        with psycopg.connect(many) as connection:
            spans = connection.execute(_SPANS).fetchall()
            events = connection.execute(
                "SELECT COUNT(*), SUM(charge), SUM((input_price - cached_input_price) * cached_input_tokens) "
                "FROM usage_usageevent"
            ).fetchone()
        assert events[0] == EVENTS
        assert len(spans) == 12
        assert {row[2:] for row in spans} == {events}
        readings = pages.measure(few, many, 1, tmp_path)
        assert set(readings) == {address for addresses in pages.PAGES.values() for address in addresses}
        assert all(one.work > 0 and one.queries > 5 for pair in readings.values() for side in pair for one in side)
        assert not [words for words in table(readings, by_work=True).broken if "queries" in words]
        found = pages.files(many, tmp_path, 50)
        assert not [words for words in found.broken if "rows, of" in words], found.broken


def readings_of(few, many):
    return {
        address: ([Reading(one, 1.0, 9) for one in few], [Reading(one, 1.0, 9) for one in many])
        for addresses in pages.PAGES.values()
        for address in addresses
    }


def test_bounds_that_hold_are_not_told():
    assert table(readings_of([50.0] * 20, [99.0] * 20), by_work=False).broken == []


def test_what_is_slow_or_asks_more_is_told():
    slow = table(readings_of([100.0] * 20, [150.0] * 18 + [151.0] * 2), by_work=False).broken
    assert slow == [f"{page}: 151 ms of at most 150" for page in pages.PAGES]
    slower = table(readings_of([10.0] * 20, [21.0] * 20), by_work=False).broken
    assert slower == [f"{page}: 2.10 times what it takes with few events, of at most 2" for page in pages.PAGES]
    assert table(readings_of([10.0] * 20, [21.0] * 20), by_work=True).broken == []
    curious = readings_of([10.0], [10.0])
    curious["/"] = (curious["/"][0], [Reading(10.0, 1.0, 10)])
    assert table(curious, by_work=False).broken == ["/: the number of queries depends on the number of events"]


def test_files_have_bounds_of_their_own(monkeypatch):
    class Answerer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def file(self, address):
            return FileReading(1001.0, 5000.0, 99, 33.0)

    monkeypatch.setattr(pages, "answerer", lambda url, folder: Answerer())
    broken = pages.files("", None, 100).broken
    assert [words.partition(": ")[2] for words in broken[:3]] == [
        "99 rows, of at least 100",
        "first rows after 1001 ms, of at most 1000",
        "grew by 33 MiB, of at most 32",
    ]
