"""The clock of the embedded set-up."""

import threading
import time

from django.db import OperationalError

from config.schedule import JOBS, Job
from config.ticker import Ticker, run
from tests.waiting import LONG, until


def test_a_job_that_fails_stops_neither_itself_nor_the_others(caplog, monkeypatch):
    monkeypatch.setattr("config.ticker.close_old_connections", lambda: None)
    calls = {"bad": 0, "good": 0}
    enough = threading.Event()

    def bad():
        calls["bad"] += 1
        raise ValueError("no")

    def good():
        calls["good"] += 1
        if min(calls.values()) >= 3:
            enough.set()

    ticker = Ticker([Job("bad", bad, 0.05), Job("good", good, 0.05)])
    ticker.start()
    assert enough.wait(LONG)
    ticker.stop(LONG)
    seen = dict(calls)
    time.sleep(0.2)
    assert calls == seen
    assert "job bad failed" in caplog.text


def test_a_database_that_is_away_takes_one_line_of_the_log(caplog, monkeypatch):
    monkeypatch.setattr("config.ticker.close_old_connections", lambda: None)

    def away():
        raise OperationalError("connection failed: Connection refused\n\tIs the server running on that host?")

    run(Job("away", away, 1))
    [record] = caplog.records
    assert "job away failed" in record.message
    assert "Connection refused Is the server running" in record.message
    assert "\n" not in caplog.handler.format(record)


def test_a_slow_period_is_kept(monkeypatch):
    monkeypatch.setattr("config.ticker.close_old_connections", lambda: None)
    calls = []
    ticker = Ticker([Job("hourly", lambda: calls.append(1), 3600)])
    ticker.start()
    assert until(lambda: calls)
    time.sleep(0.3)
    ticker.stop(LONG)
    assert calls == [1]


def test_a_job_that_waits_for_others_servers_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr("config.ticker.close_old_connections", lambda: None)
    answered, ticked = threading.Event(), threading.Event()
    ticker = Ticker(
        [Job("out", lambda: answered.wait(2 * LONG), 0.05, thread="ticker-out"), Job("here", ticked.set, 0.05)]
    )
    ticker.start()
    assert ticked.wait(LONG)
    answered.set()
    ticker.stop(LONG)


def test_every_job_has_a_name_of_its_own():
    assert len({job.name for job in JOBS}) == len(JOBS)
