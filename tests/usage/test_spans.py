"""Whatever is asked, of whatever time in whatever zone: spans and pending rows say what the events say."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Project
from tests.people import house
from usage import reports, rollups, savings, snapshot
from usage.models import KeySpan, KeyTotal, PendingRollup, ProjectSpan, UsageRollup
from usage.reports import Filter, Sums
from usage.snapshot import Part
from usage.spans import OF_KEY_TOTALS, OF_KEYS, OF_PROJECTS, cover, start_of

pytestmark = [pytest.mark.django_db, pytest.mark.database]
QUARTER = timedelta(minutes=15)
# Forty days around a change of the clock in New York, Berlin and Lord Howe.
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
QUARTERS = 40 * 96
ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
MODELS = ("chat", "coder")
quarters = st.integers(0, QUARTERS)
# quarter, key, model, requests (a correction takes away), pico-USD saved a token
uses = st.tuples(
    st.integers(0, QUARTERS - 1),
    st.integers(0, 2),
    st.sampled_from(MODELS),
    st.sampled_from((1, 1, 1, 0, -1)),
    st.integers(-1_500, 1_500),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=quarters, length=st.integers(0, 20_000), which=st.sampled_from((OF_KEYS, OF_KEY_TOTALS, OF_PROJECTS)))
def test_pieces_are_whole_spans_that_meet_without_a_gap(start, length, which):
    since = BEGIN + start * QUARTER
    until = since + length * QUARTER
    pieces = sorted((first, last, level) for level, first, last in cover(since, until, which))
    assert all(first < last for first, last, _ in pieces)
    assert all(start_of(at, level.width) == at for first, last, level in pieces for at in (first, last))
    assert [last for _, last, _ in pieces[:-1]] == [first for first, _, _ in pieces[1:]]
    if length:
        assert (pieces[0][0], pieces[-1][1]) == (since, until)
    else:
        assert pieces == []
    assert len(pieces) <= 2 * len(which)


def test_a_time_between_two_quarters_takes_the_buckets_that_begin_in_it():
    since, until = BEGIN + timedelta(minutes=7), BEGIN + timedelta(minutes=31)
    assert [piece[1:] for piece in cover(since, until, OF_PROJECTS)] == [(BEGIN + QUARTER, BEGIN + 3 * QUARTER)]


@pytest.fixture
def alice(db):
    """Three keys in two projects."""
    alice = house()
    alice.keys = [alice.key("one")[0], alice.key("two")[0]]
    other = Project.objects.create(organization=alice.organization, name="Other")
    alice.project = other
    alice.keys.append(alice.key("three")[0])
    return alice


def book(alice, used, number):
    """The pending rows that settlement would have left."""
    rows = []
    for quarter, key, model, requests, pico in used:
        at, key = BEGIN + quarter * QUARTER, alice.keys[key]
        nano, left = savings.saving(3 * requests, pico, 0)
        number += 1
        row = PendingRollup(
            event_id=number, organization_id=key.organization_id, project_id=key.project_id, api_key_id=key.pk,
            model=model, bucket=at, requests=requests, input_tokens=2 * requests, cached_input_tokens=3 * requests,
            output_tokens=quarter * requests, charge=5 * requests + number, saved=nano, saved_pico=left,
        )  # fmt: skip
        rows.append(row)
    PendingRollup.objects.bulk_create(rows)
    return rows


def of(row):
    return Sums(row.requests, row.input_tokens, row.cached_input_tokens, row.output_tokens, row.charge)


def is_in(row, chosen, since, until):
    return (
        since <= row.bucket < until
        and (chosen.project_ids is None or row.project_id in chosen.project_ids)
        and (not chosen.key_ids or row.api_key_id in chosen.key_ids)
        and (not chosen.models or row.model in chosen.models)
    )


def summed(rows, chosen, edges, by):
    """The same from the rows themselves."""
    found = []
    for since, until in pairwise(edges):
        sums = defaultdict(Sums)
        for row in rows:
            if is_in(row, chosen, since, until):
                sums[by(row)] += of(row)
        found.append(dict(sums))
    return found


BY = {"": lambda row: None, "model": lambda row: row.model, "key": lambda row: row.api_key_id,
      "project": lambda row: row.project_id}  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    folded=st.lists(uses, max_size=12),
    waiting=st.lists(uses, max_size=6),
    cut=st.tuples(quarters, quarters),
    zone=st.sampled_from(ZONES),
    days=st.tuples(st.integers(0, 39), st.integers(0, 39)),
    keys=st.sets(st.integers(0, 2)),
    models=st.sets(st.sampled_from(MODELS)),
    projects=st.sampled_from((None, (), (0,), (0, 2))),
)
def test_any_question_has_the_answer_of_the_events(alice, folded, waiting, cut, zone, days, keys, models, projects):
    with transaction.atomic():
        rows = book(alice, folded, 0)
        rollups.fold_pending()
        rows += book(alice, waiting, len(rows))
        chosen = Filter(
            alice.organization.pk,
            *(BEGIN + at * QUARTER for at in sorted(cut)),
            None if projects is None else tuple(alice.keys[one].project_id for one in projects),
            tuple(alice.keys[one].pk for one in sorted(keys)),
            tuple(sorted(models)),
        )
        whole = (chosen.start, chosen.end)
        (expected,) = summed(rows, chosen, whole, BY[""])
        assert reports.totals(chosen) == expected.get(None, Sums())
        saved = sum(row.saved * 1000 + row.saved_pico for row in rows if is_in(row, chosen, *whole))
        assert savings.cached_savings(chosen) == saved // 1000
        first, last = (date(2026, 10, 1) + timedelta(days=day) for day in sorted(days))
        units = (reports.day_edges, reports.week_edges) if first < last else (reports.hour_edges, reports.day_edges)
        for edges in (unit(first, last, ZoneInfo(zone)) for unit in units):
            for group, by in BY.items():
                assert reports.breakdown(chosen, group) == summed(rows, chosen, whole, by)[0] if group else True
                assert reports.series(chosen, edges, group or None) == summed(rows, chosen, edges, by)
            parts = [Part(chosen, group, tuple(edges)) for group in BY] + [Part(chosen, group) for group in BY]
            wanted = [summed(rows, chosen, edges, by) for by in BY.values()]
            wanted += [summed(rows, chosen, whole, by) for by in BY.values()]
            assert [list(found) for found in snapshot.read(parts)] == wanted
        transaction.set_rollback(True)


def test_a_fold_reaches_every_width(alice):
    book(alice, [(0, 0, "chat", 1, 1), (1, 0, "chat", 1, 1), (96, 0, "chat", 1, 1), (96, 0, "coder", 1, 1)], 0)
    assert rollups.fold_pending() == 4
    widths = [(row.width, row.requests) for row in KeyTotal.objects.order_by("width", "bucket")]
    assert widths == [(1440, 2), (1440, 2), (5760, 2), (5760, 2), (23040, 4)]
    chat = {"model": "chat"}
    widths = [(row.width, row.requests) for row in KeySpan.objects.filter(**chat).order_by("width", "bucket")]
    assert widths == [(240, 2), (240, 1), (1440, 2), (1440, 1), (5760, 2), (5760, 1), (23040, 3)]
    widths = [(row.width, row.requests) for row in ProjectSpan.objects.filter(**chat).order_by("width", "bucket")]
    assert widths == [(15, 1), (15, 1), (15, 1), (60, 2), (60, 1), (240, 2), (240, 1), (1440, 2), (1440, 1)]


def test_a_fold_that_breaks_off_leaves_every_width_as_it_was(alice):
    book(alice, [(0, 0, "chat", 1, 1)], 0)

    def broken(execute, sql, params, many, context):
        if sql.startswith("DELETE"):
            raise RuntimeError("killed")
        return execute(sql, params, many, context)

    with pytest.raises(RuntimeError), transaction.atomic(), connection.execute_wrapper(broken):
        rollups.fold_pending()
    assert not UsageRollup.objects.exists()
    assert not KeySpan.objects.exists()
    assert not KeyTotal.objects.exists()
    assert not ProjectSpan.objects.exists()
    assert PendingRollup.objects.count() == 1


def test_only_the_largest_groups_are_told_and_how_many_there_are(alice):
    book(alice, [(0, 0, "chat", 1, 0), (1, 1, "chat", 1, 0), (1, 1, "coder", 1, 0), (5, 2, "chat", 1, 0)], 0)
    rollups.fold_pending()
    chosen = Filter(alice.organization.pk, BEGIN, BEGIN + timedelta(days=1))
    _, two, three = (key.pk for key in alice.keys)
    by_cost, by_requests, by_model = snapshot.read(
        [
            Part(chosen, "key", largest="cost", most=2),
            Part(chosen, "key", largest="requests", most=1),
            Part(chosen, "model"),
        ]
    )
    assert (list(by_cost[0]), by_cost.groups) == ([two, three], 3)
    assert (list(by_requests[0]), by_requests.groups) == ([two], 3)
    assert by_model[0]["chat"].requests == 3
