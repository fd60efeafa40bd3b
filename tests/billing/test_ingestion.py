import itertools
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing import balances, grants, limits, statement
from billing.limits import Terms
from billing.models import (
    Alert,
    Correction,
    CreditGrant,
    IngestionBatch,
    LateUsage,
    LedgerEntry,
    OutboxMessage,
    SpendingWindow,
)
from catalog import prices
from catalog.models import LanguageModel, TokenClass
from foundation.money import NANO
from tests.billing.desk import admitted, ask, outcome, refused, serve_all_models, settle
from tests.billing.reporter import COST, amend, price_the_past, report, statuses, usage, void
from tests.people import house
from usage import reports, rollups
from usage.models import UsageEvent

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("noon")]
DAY = timedelta(days=1)


@pytest.fixture
def alice(db):
    alice = house(rpm=10_000_000)
    grants.give(alice.organization, NANO)
    price_the_past()
    return alice


def used(alice):
    """(requests, prompt, output, charge) of the last hundred days."""
    now = timezone.now()
    edges = reports.day_edges((now - 100 * DAY).date(), (now + DAY).date(), alice.organization.zone)
    sums = reports.totals(reports.Filter(alice.organization.pk, edges[0], edges[-1]))
    return sums.requests, sums.prompt, sums.output, sums.charge


def account(alice, name):
    entries = LedgerEntry.objects.filter(organization=alice.organization, account=name)
    return sum(entry.amount for entry in entries)


def available(alice):
    return balances.balance(alice.organization.pk).available


def left_with(alice, amount):
    """The only grant that still lives."""
    available(alice)
    CreditGrant.objects.filter(organization=alice.organization).update(expires_at=timezone.now() - DAY)
    return grants.give(alice.organization, amount)


def test_reasoning_is_a_part_of_the_output_and_costs_nothing_more(alice):
    sent = [usage(id="a", reasoning_tokens=30), usage(id="b"), usage(id="c", reasoning_tokens=51)]
    results = report(alice, *sent)
    assert statuses(results) == ["accepted", "accepted", "rejected"] and results[2].param == "data.reasoning_tokens"
    found = dict(UsageEvent.objects.values_list("external_id", "reasoning_tokens"))
    assert found == {"a": 30, "b": None}
    assert used(alice)[2:] == (100, 2 * COST)


def test_it_is_recorded_priced_charged_and_rolled_up_like_a_request(alice):
    before = available(alice)
    assert statuses(report(alice, usage(id="a", finish_reason="stop", duration_ms=900))) == ["accepted"]
    event = UsageEvent.objects.get()
    assert (event.input_tokens, event.cached_input_tokens, event.output_tokens) == (100, 28, 50)
    assert (event.charge, event.overrun, event.usage_source) == (COST, 0, "ingested")
    assert (event.source, event.external_id, event.request_id) == ("/proxy", "a", "a")
    assert event.api_key.name == "elsewhere" and event.project == alice.project
    assert (event.finish_reason, event.duration_ms, event.status) == ("stop", 900, 200)
    assert used(alice) == (1, 128, 50, COST)
    rollups.fold_pending()
    assert used(alice) == (1, 128, 50, COST)
    assert available(alice) == before - COST
    assert account(alice, "revenue") == COST
    batch = IngestionBatch.objects.get()
    assert (batch.events, batch.charge, batch.user) == (1, COST, alice.owner)


def test_the_same_event_counts_once_and_another_body_is_a_conflict(alice):
    first = usage(id="a")
    assert statuses(report(alice, first, first, usage(id="b"))) == ["accepted", "duplicate", "accepted"]
    other = {**first, "data": {**first["data"], "output_tokens": 51}}
    assert statuses(report(alice, first, other, usage(id="c"))) == ["duplicate", "conflict", "accepted"]
    assert statuses(report(alice, {**first, "source": "/other"})) == ["accepted"]
    assert used(alice)[0] == 4


def test_a_batch_of_nothing_new_writes_nothing(alice):
    first = usage(id="a")
    report(alice, first)
    assert statuses(report(alice, first, usage(model="nobody"))) == ["duplicate", "rejected"]
    assert IngestionBatch.objects.count() == 1


def test_another_organization_has_ids_of_its_own(alice):
    bob = house("Bob")
    first = usage(id="a")
    assert statuses(report(alice, first)) == statuses(report(bob, first)) == ["accepted"]
    assert used(alice)[0] == used(bob)[0] == 1


def test_it_may_be_late_and_a_little_early(alice):
    now = timezone.now()
    sent = [
        usage(at=now - 35 * DAY - timedelta(seconds=1)),
        usage(at=now - 35 * DAY),
        usage(at=now + timedelta(minutes=5)),
    ]
    sent.append(usage(at=now + timedelta(minutes=5, seconds=1)))
    assert [(one.status, one.code) for one in report(alice, *sent, now=now)] == [
        ("rejected", "too_old"),
        ("accepted", ""),
        ("accepted", ""),
        ("rejected", "too_early"),
    ]
    # What was recorded is known, however late it comes again.
    assert statuses(report(alice, sent[1], now=now + DAY)) == ["duplicate"]


def test_the_prices_are_those_of_its_time(alice):
    now = timezone.now()
    prices.set_price(LanguageModel.objects.get(name="deepseek-chat"), TokenClass.OUTPUT, 2_000_000, now - 10 * DAY)
    report(alice, usage(id="old", at=now - 11 * DAY), usage(id="new", at=now - 9 * DAY))
    charges = dict(UsageEvent.objects.values_list("external_id", "charge"))
    assert charges == {"old": COST, "new": COST + 50 * 900}


def test_a_model_without_a_price_then_is_rejected(alice):
    made = LanguageModel.objects.create(name="later", context_length=100, max_output=10)
    for token_class in TokenClass.values:
        prices.set_price(made, TokenClass(token_class), 0, timezone.now() - DAY)
    results = report(
        alice, usage(model="later", at=timezone.now() - 2 * DAY), usage(model="later"), usage(model="none")
    )
    assert [(one.status, one.code) for one in results] == [
        ("rejected", "no_price"),
        ("accepted", ""),
        ("rejected", "model_not_found"),
    ]
    assert UsageEvent.objects.get().charge == 0
    assert not LedgerEntry.objects.filter(transaction__startswith="ingest:").exists()


def test_it_belongs_to_the_key_or_project_that_it_names(alice):
    key, _ = alice.key("named")
    foreign = house("Bob").key("theirs")[0]
    results = report(
        alice,
        usage(id="1", key_id=key.public_id),
        usage(id="2", project_id=alice.project.public_id),
        usage(id="3", project_id=alice.project.public_id, key_id=key.public_id),
        usage(id="4", key_id=foreign.public_id),
        usage(id="5", project_id=foreign.project.public_id),
    )
    assert statuses(results) == ["accepted"] * 3 + ["rejected"] * 2
    assert [one.code for one in results[3:]] == ["key_not_found", "project_not_found"]
    names = UsageEvent.objects.order_by("pk").values_list("api_key__name", flat=True)
    assert list(names) == ["named", "Imported usage", "named"]


def test_what_credit_does_not_cover_is_owed_and_never_refused(alice):
    left_with(alice, COST + 1)
    assert statuses(report(alice, usage(), usage())) == ["accepted", "accepted"]
    assert balances.owed(alice.organization.pk) == COST - 1
    assert available(alice) == 0
    assert account(alice, "revenue") == 2 * COST == used(alice)[3]


def test_a_hard_limit_counts_it_and_refuses_only_what_comes_after(alice):
    serve_all_models()
    key, secret = alice.key("metered")
    limits.set_limit(key, Terms("usd", 2 * COST, "month"))
    limits.set_limit(alice.organization, Terms("requests", 100, "day"))
    limits.set_limit(alice.project, Terms("tokens", 1_000_000, "lifetime", is_hard=False))
    settle(outcome(admitted(ask(key, secret))))
    held = admitted(ask(key, secret))
    assert statuses(report(alice, *(usage(key_id=key.public_id) for _ in range(3)))) == ["accepted"] * 3
    windows = {window.limit.measure: window for window in SpendingWindow.objects.select_related("limit")}
    assert windows["usd"].settled == 3 * COST + 57_700 and windows["usd"].held == 57_700
    assert windows["usd"].ceiling == 3 * COST + 2 * 57_700 and windows["usd"].cap == 2 * COST
    assert (windows["requests"].settled, windows["tokens"].settled) == (4, 3 * 178 + 60)
    assert refused(ask(key, secret)).limit["scope"] == "key"
    settle(outcome(held))
    told = Alert.objects.filter(limit__measure="usd").order_by("threshold").values_list("threshold", flat=True)
    assert list(told) == [50, 80, 100]
    assert OutboxMessage.objects.filter(type="limit.reached").count() == 1


def test_a_late_event_counts_in_the_period_of_its_time(alice):
    now = timezone.now()
    limit = limits.set_limit(alice.organization, Terms("requests", 100, "day"))
    report(alice, usage(at=now - 3 * DAY))
    assert [window.settled for window in limit.windows.all()] == [0]
    # The limit is older than it is: yesterday and the day before are periods of it.
    limit.__class__.objects.filter(pk=limit.pk).update(created_at=now - 2 * DAY)
    report(alice, usage(at=now - DAY), usage(at=now - 2 * DAY), usage(at=now - 3 * DAY), usage(at=now))
    report(alice, usage(at=now - DAY))
    windows = limit.windows.order_by("starts_at")
    assert [window.settled for window in windows] == [1, 2, 1]
    edges = [(window.starts_at, window.ends_at) for window in windows]
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(edges))


def test_a_void_takes_everything_back(alice):
    before = available(alice)
    limit = limits.set_limit(alice.organization, Terms("usd", NANO, "month"))
    report(alice, usage(id="a"), usage(id="b"))
    assert statuses(report(alice, void("a"))) == ["accepted"]
    assert used(alice) == (1, 128, 50, COST)
    assert available(alice) == before - COST
    assert account(alice, "revenue") == COST
    assert limit.windows.get().settled == COST
    row = UsageEvent.objects.get(usage_source="voided")
    assert (row.input_tokens, row.cached_input_tokens, row.output_tokens, row.charge) == (-100, -28, -50, -COST)
    assert UsageEvent.objects.get(external_id="a").charge == COST
    [again] = report(alice, void("a"))
    assert (again.status, again.code) == ("rejected", "event_voided")


def test_an_amend_posts_the_difference_at_the_prices_of_the_event(alice):
    report(alice, usage(id="a", at=timezone.now() - DAY))
    prices.set_price(LanguageModel.objects.get(name="deepseek-chat"), TokenClass.OUTPUT, 9_000_000)
    assert statuses(report(alice, amend("a", 100, 70))) == ["accepted"]
    assert used(alice) == (1, 100, 70, 100 * 270 + 70 * 1100)
    assert statuses(report(alice, amend("a", 128, 50, cached_input_tokens=28))) == ["accepted"]
    assert used(alice) == (1, 128, 50, COST)
    assert account(alice, "revenue") == COST


def test_of_several_amends_the_last_one_said_holds_in_any_order(alice):
    now = timezone.now()
    said = [amend("a", 10 * number, 0, at=now - timedelta(minutes=number)) for number in (3, 1, 2)]
    report(alice, usage(id="a"))
    for one in said:
        report(alice, one)
    assert used(alice)[:3] == (1, 10, 0)
    assert Correction.objects.count() == 3


def test_corrections_may_come_with_their_event_and_never_before(alice):
    [early] = report(alice, void("a"))
    assert (early.status, early.code) == ("rejected", "event_not_found")
    assert statuses(report(alice, void("a"), usage(id="a"), amend("b", 1, 1), usage(id="b"))) == ["accepted"] * 4
    assert used(alice)[:3] == (1, 1, 1)


def test_a_correction_reaches_no_request_and_no_correction(alice):
    report(alice, usage(id="a"), amend("a", 1, 1, id="fix"))
    [result] = report(alice, void("fix"))
    assert (result.status, result.code) == ("rejected", "event_not_found")
    bob = house("Bob")
    assert report(bob, void("a"))[0].code == "event_not_found"


def test_what_is_given_back_lessens_what_is_owed_first(alice):
    first = left_with(alice, COST)
    report(alice, usage(id="a"), usage(id="b"))
    assert balances.owed(alice.organization.pk) == COST
    report(alice, void("a"))
    assert balances.owed(alice.organization.pk) == 0
    first.refresh_from_db()
    assert first.burned == COST
    report(alice, void("b"))
    first.refresh_from_db()
    assert first.burned == 0 and used(alice) == (0, 0, 0, 0)


def test_the_history_of_the_balance_adds_up(alice):
    first = left_with(alice, COST)
    report(alice, usage(id="a"), usage(id="b"), usage(id="c"), amend("a", 10, 10))
    report(alice, void("b"))
    now = timezone.now()
    today = now.astimezone(alice.organization.zone).date()
    read = statement.read(alice.organization, today - 2 * DAY, today, now)
    first.refresh_from_db()
    assert read.closing == first.amount - first.burned
    assert read.opening + sum(line.amount for line in read.lines) == read.closing
    owed = balances.owed(alice.organization.pk)
    assert [line.amount for line in read.lines if line.kind == statement.OWED] == [owed]
    assert owed == used(alice)[3] - COST > 0


def test_what_is_recorded_cannot_be_changed(alice):
    report(alice, usage(id="a"), amend("a", 1, 1))
    for table in ("usage_usageevent", "billing_ingestionbatch", "billing_correction", "billing_ledgerentry"):
        for sql in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
            with pytest.raises(DatabaseError), transaction.atomic():
                connection.cursor().execute(sql)


def test_all_or_nothing(alice, monkeypatch):
    def fail(*args):
        raise RuntimeError("the process dies here")

    monkeypatch.setattr("billing.ingestion.counting.count", fail)
    with pytest.raises(RuntimeError):
        report(alice, usage(id="a"))
    assert not UsageEvent.objects.exists() and not IngestionBatch.objects.exists()
    assert used(alice) == (0, 0, 0, 0) and account(alice, "revenue") == 0
    monkeypatch.undo()
    assert statuses(report(alice, usage(id="a"))) == ["accepted"]


def test_the_migration_sums_up_late_usage_as_ingestion_does(alice):
    now = timezone.now()
    report(alice, usage(id="a", at=now - DAY), usage(at=now - DAY), usage(at=now - 2 * DAY))
    report(alice, void("a"), usage(id="b", at=now - 3 * DAY), amend("b", 10, 10))
    columns = ("organization", "charged_in", "used_in", "requests", "charge")
    recorded = set(LateUsage.objects.values_list(*columns))
    assert sum(row[3] for row in recorded) == 3
    LateUsage.objects.all().delete()
    import_module("billing.migrations.0016_fill_late_usage").fill(apps, None)
    assert set(LateUsage.objects.values_list(*columns)) == recorded
