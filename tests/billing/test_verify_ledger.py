import json
import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from billing import grants, heartbeat, limits, recovery
from billing.limits import Terms
from billing.models import Alert, CreditGrant, GrantKind, Hold, IngestionBatch, LedgerEntry, SpendingWindow
from billing.verification import books
from billing.verification.scope import Scope
from foundation.money import NANO
from tests.billing.desk import admitted, ask, outcome, refused, serve_all_models, settle
from tests.billing.reporter import amend, price_the_past, report, statuses, usage, void
from tests.billing.ruin import ruin
from tests.people import house
from usage import rollups
from usage.counts import TokenCounts
from usage.models import PendingRollup, UsageEvent, UsageRollup

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("noon")]
# What one request of tests.billing.desk.ask holds and costs when its 50 tokens are used.
ONE = 57_700


class Silence:
    def begin(self, name, total): ...
    def advance(self, rows): ...


def differences(organization=None):
    scope = Scope(timezone.now(), Silence(), organization.pk if organization else None)
    return list(books.verify(scope))


def verify(*arguments):
    """Exit status and output of the command."""
    out = StringIO()
    try:
        call_command("verify_ledger", *arguments, stdout=out, stderr=StringIO())
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def alice(db):
    """An organization with everything in its books: see `busy`."""
    return busy()


def busy(name="Alice"):
    alice = house(name, rpm=10_000_000)
    serve_all_models()
    key, secret = alice.key()
    for subject, terms in [
        (key, Terms("usd", 5 * ONE, "month")),
        (alice.project, Terms("tokens", 10_000, "day")),
        (alice.organization, Terms("requests", 100, "week", is_hard=False)),
        (alice.organization, Terms("usd", NANO, "lifetime")),
    ]:
        limits.set_limit(subject, terms)
    grants.give(alice.organization, NANO, GrantKind.PAYMENT, expires_at=timezone.now() + timedelta(days=2))
    asked = ask(key, secret, stream=True)
    settle(outcome(admitted(asked)), outcome(admitted(asked), TokenCounts(7, 3, 20)))
    rollups.fold_pending()
    settle(outcome(admitted(asked), TokenCounts(10, 0, 51)), outcome(admitted(asked), None))
    settle(outcome(admitted(asked), TokenCounts(0, 0, 0)))
    for progress in (TokenCounts(10, 0, 7), None):
        dead = admitted(asked)
        if progress:
            heartbeat.renew([dead.hold_id], {dead.hold_id: progress})
        Hold.objects.filter(pk=dead.hold_id).update(lease_until=timezone.now() - timedelta(seconds=1))
        recovery.sweep_stale_holds()
    # One is still under way, and one does not fit.
    admitted(asked)
    refused(ask(key, secret, max_tokens=4000))
    return alice


def test_a_house_in_order_has_no_difference(alice):
    assert differences() == []
    status, said = verify()
    assert (status, "no difference" in said) == (0, True)
    assert UsageEvent.objects.count() == 5
    assert UsageRollup.objects.exists() and PendingRollup.objects.exists()
    assert Alert.objects.count() == 2
    assert set(Hold.objects.values_list("state", flat=True)) == {"active", "settled", "released", "recovered"}


def test_an_empty_house_has_no_difference(db):
    assert verify()[0] == 0


# What is damaged, and words of what must be said about it.
DAMAGE = {
    "a higher charge": (
        "UPDATE usage_usageevent SET charge = charge + 1 WHERE id = {event}",
        ["event {event}: charge: expected 57700, found 57701", "revenue by the ledger: expected 57701"],
    ),
    "a lower charge": (
        "UPDATE usage_usageevent SET charge = charge - 1 WHERE id = {event}",
        ["event {event}: charge: expected 57700, found 57699"],
    ),
    "an overrun put on the customer": (
        "UPDATE usage_usageevent SET charge = charge + overrun, overrun = 0 WHERE overrun > 0",
        ["charge: expected 57700, found 58800", "overrun: expected 1100, found 0"],
    ),
    "other tokens": (
        "UPDATE usage_usageevent SET output_tokens = 49 WHERE id = {event}",
        ["event {event}: charge: expected 56600", "output_tokens: expected 127, found 128"],
    ),
    "another pinned price": (
        "UPDATE usage_usageevent SET output_price = output_price + 1 WHERE id = {event}",
        ["event {event}: output_price: expected 1100000, found 1100001", "unit price of price"],
    ),
    "a price row that is not there": (
        "UPDATE usage_usageevent SET price_ids = '1,2,987654' WHERE id = {event}",
        ["event {event}: price row of output: expected price 987654, found none"],
    ),
    "price rows that are no ids": (
        "UPDATE usage_usageevent SET price_ids = 'x' WHERE id = {event}",
        ["event {event}: price rows: expected three ids, found x"],
    ),
    "an edited catalog": (
        "UPDATE catalog_price SET unit_price = 1 WHERE id IN (SELECT p.id FROM catalog_price p JOIN "
        "catalog_languagemodel m ON m.id = p.model_id WHERE m.name = 'deepseek-chat' AND p.token_class = 'output')",
        ["unit price of price", "expected 1, found 1100000"],
    ),
    "another instant": (
        "UPDATE usage_usageevent SET occurred_at = '2020-01-01 00:00:00+00:00' WHERE id = {event}",
        ["event {event}: occurred_at", "event {event}: instant of its ledger entry", "2020-01-01T00:00:00Z: requests"],
    ),
    "another project": (
        "UPDATE billing_hold SET stream = NOT stream WHERE id = {event}",
        ["event {event}: stream: expected False, found True"],
    ),
    "a lost event": (
        "DELETE FROM usage_usageevent WHERE id = {event}",
        [
            "hold {event}: its usage event: expected one, as it is settled, found none",
            "transaction event:{event}: its usage event: expected one, found none",
            "requests: expected 4, found 5",
        ],
    ),
    "a lost hold": ("DELETE FROM billing_hold WHERE id = {event}", ["event {event}: its hold: expected one"]),
    "a hold that never ended": (
        "UPDATE billing_hold SET state = 'active' WHERE id = {event}",
        [
            "hold {event}: its usage event: expected none, as it is active, found one",
            "held: expected 115400, found 57700",
            "held (requests): expected 2, found 1",
        ],
    ),
    "a hold that ended twice": (
        "UPDATE billing_hold SET state = 'settled' WHERE state = 'released'",
        ["its usage event: expected one, as it is settled, found none"],
    ),
    "a smaller hold": (
        "UPDATE billing_hold SET amount = 57000 WHERE id = {event}",
        [
            "hold {event}: amount of its bounds and prices: expected 57700, found 57000",
            "hold {event}: sum of its legs: expected 57000, found 57700",
            "event {event}: charge: expected 57000, found 57700",
        ],
    ),
    "unreadable legs": ("UPDATE billing_hold SET legs = 'gone' WHERE id = {event}", ["hold {event}: legs: expected"]),
    "unreadable window legs": (
        "UPDATE billing_hold SET window_legs = '[[1]]' WHERE id = {event}",
        ["hold {event}: window legs: expected"],
    ),
    "a leg on another grant": (
        "UPDATE billing_hold SET legs = '[[987654, 57700]]' WHERE id = {event}",
        ["hold {event}: grants of its legs: expected its organization's, found grant 987654"],
    ),
    "credit that had expired": (
        "UPDATE billing_creditgrant SET expires_at = '2020-01-01 00:00:00+00:00' WHERE burned > 0",
        ["life of its credit"],
    ),
    "credit that had not begun": (
        "UPDATE billing_creditgrant SET starts_at = '2050-01-01 00:00:00+00:00' WHERE burned > 0",
        ["life of its credit"],
    ),
    "an unbalanced transaction": (
        "UPDATE billing_ledgerentry SET amount = amount + 1 WHERE event_id = {event} AND account = 'revenue'",
        ["transaction event:{event}: sum of its entries: expected 0, found 1", "event {event}: ledger entries"],
    ),
    "a transaction of another amount": (
        "UPDATE billing_ledgerentry SET amount = 2 * amount WHERE event_id = {event}",
        ["event {event}: ledger entries: expected credit of grant", "burned: expected"],
    ),
    "a lost transaction": (
        "DELETE FROM billing_ledgerentry WHERE event_id = {event}",
        ["event {event}: ledger entries", "burned: expected"],
    ),
    "an invented transaction": (
        "UPDATE billing_ledgerentry SET \"transaction\" = 'gift:1' WHERE event_id = {event}",
        ["transaction gift:1: what it tells of: expected an event or a grant", "event {event}: ledger entries"],
    ),
    "an unknown account": (
        "UPDATE billing_ledgerentry SET account = 'pocket' WHERE event_id = {event} AND account = 'revenue'",
        ["account of entry", "found pocket"],
    ),
    "a larger grant": (
        "UPDATE billing_creditgrant SET amount = amount + 5 WHERE kind = 'payment'",
        ["ledger entry of its credit: expected 1000000005, found 1000000000", "balance by its grants"],
    ),
    "an unburned grant": (
        "UPDATE billing_creditgrant SET burned = 0 WHERE burned > 0",
        ["burned: expected", "balance by its grants: expected"],
    ),
    "an overdrawn grant": (
        "UPDATE billing_creditgrant SET held = amount WHERE burned > 0",
        ["held: expected", "use: expected 0 <= burned + held"],
    ),
    "credit from nowhere": (
        "DELETE FROM billing_ledgerentry WHERE \"transaction\" LIKE 'grant:%'",
        ["ledger entry of its credit: expected 1000000000, found none", "account of its credit"],
    ),
    "a window that forgot": (
        "UPDATE billing_spendingwindow SET settled = settled - 1 WHERE settled > 1",
        ["settled (usd): expected", "settled (tokens): expected", "settled (requests): expected 5, found 4"],
    ),
    "a window that holds too much": (
        "UPDATE billing_spendingwindow SET held = held + 1 WHERE id IN (SELECT MIN(id) FROM billing_spendingwindow)",
        ["held (usd): expected 57700, found 57701"],
    ),
    "a raised cap": (
        "UPDATE billing_spendingwindow SET cap = cap + 1, ceiling = ceiling + 1 WHERE cap IS NOT NULL",
        ["cap: expected 288500, found 288501"],
    ),
    "a ceiling that was passed": (
        "UPDATE billing_spendingwindow SET ceiling = 1 WHERE cap IS NOT NULL",
        ["ceiling: expected not passed, and not below the cap, found settled + held"],
    ),
    "a removed ceiling": (
        "UPDATE billing_spendingwindow SET ceiling = NULL WHERE cap IS NOT NULL",
        ["has a ceiling, as it has a cap: expected True, found False"],
    ),
    "a lost alert": (
        "DELETE FROM billing_alert WHERE threshold = 50",
        ["alert of 50 %: expected one, as", "of 288500 is settled, found none"],
    ),
    "an alert without a reason": (
        "UPDATE billing_alert SET settled = 1 WHERE reason = 'threshold'",
        ["settled when it was caused: expected at least 50 % of 288500, found 1"],
    ),
    "an alert of tomorrow": (
        "UPDATE billing_alert SET limit_version = 9, settled = 99999999",
        ["version of its limit: expected at most 1, found 9", "which is settled now, found 99999999"],
    ),
    "an alert that nobody asked for": (
        "UPDATE billing_alert SET threshold = 13 WHERE reason = 'threshold'",
        ["terms of its limit: expected 288500 at [50, 80, 100] %, found 288500 at 13 %"],
    ),
    "a refusal of 80 %": (
        "UPDATE billing_alert SET threshold = 80 WHERE reason = 'refusal'",
        ["threshold of a refusal, percent: expected 100, found 80"],
    ),
    "a next alert that never comes": (
        "UPDATE billing_spendingwindow SET next_alert = NULL WHERE next_alert IS NOT NULL",
        ["settled amount of its next alert"],
    ),
    "a rollup that counts twice": (
        "UPDATE usage_usagerollup SET requests = 2 * requests, charge = 2 * charge",
        ["requests: expected 5, found 7", "charge: expected"],
    ),
    "a rollup of another model": (
        "UPDATE usage_usagerollup SET model = 'deepseek-coder'",
        ["deepseek-coder", "requests: expected 0, found 2"],
    ),
    "a rollup in another bucket": (
        "UPDATE usage_usagerollup SET bucket = '2020-01-01 00:00:00+00:00'",
        ["2020-01-01T00:00:00Z: requests: expected 0, found 2"],
    ),
    "a rollup that saved something else": (
        "UPDATE usage_usagerollup SET saved_pico = saved_pico + 1",
        ["saved (pico-USD): expected"],
    ),
    "a lost pending row": ("DELETE FROM usage_pendingrollup", ["requests: expected 5, found 2"]),
    **{
        f"a {kind} of {width} minutes that {damage}": (
            f"{sql} WHERE width = {width}",
            [f"{width} minutes: {words}"],
        )
        for kind, widths in (
            ("keyspan", (240, 1440, 5760, 23040)),
            ("keytotal", (1440, 5760, 23040)),
            ("projectspan", (15, 60, 240, 1440)),
        )
        for width in widths
        for damage, sql, words in (
            ("counts twice", f"UPDATE usage_{kind} SET requests = 2 * requests", "requests: expected 2, found 4"),
            ("is lost", f"DELETE FROM usage_{kind}", "requests: expected 2, found 0"),
        )
    },
    "a span of another project": (
        "UPDATE usage_projectspan SET model = 'deepseek-coder' WHERE width = 60",
        ["deepseek-coder", "60 minutes: requests: expected 0, found 2"],
    ),
    "a span of a key's other model": (
        "UPDATE usage_keyspan SET model = 'deepseek-coder' WHERE width = 240",
        ["240 minutes: requests: expected 0, found 2", "240 minutes: requests: expected 2, found 0"],
    ),
    "a span of all models of another key": (
        "UPDATE usage_keytotal SET api_key_id = 0 WHERE width = 5760",
        ["key 0 ", "5760 minutes: requests: expected 0, found 2"],
    ),
    "a span at another time": (
        "UPDATE usage_keyspan SET bucket = '2020-01-01 00:00:00+00:00' WHERE width = 1440",
        ["2020-01-01T00:00:00Z 1440 minutes: requests: expected 0, found 2"],
    ),
    "a span in the time to come": (
        "UPDATE usage_projectspan SET bucket = '2050-01-01 00:00:00+00:00' WHERE width = 15",
        ["2050-01-01T00:00:00Z 15 minutes: requests: expected 0, found 2"],
    ),
    "a span of a width that there is not": (
        "UPDATE usage_keyspan SET width = 30 WHERE width = 240",
        ["240 minutes: requests: expected 2, found 0"],
    ),
    "a span that saved something else": (
        "UPDATE usage_projectspan SET saved = saved + 1 WHERE width = 1440",
        ["1440 minutes: saved (pico-USD): expected"],
    ),
}


# The same of usage that was ingested; see `reported`.
INGESTED_DAMAGE = {
    "late usage that was charged now": (
        "UPDATE billing_lateusage SET charge = charge + 1",
        ["late usage organization", "charge: expected", "found"],
    ),
    "late usage that is nowhere": ("DELETE FROM billing_lateusage", ["requests: expected 1, found 0"]),
    "a higher charge": (
        "UPDATE usage_usageevent SET charge = charge + 1 WHERE external_id = 'a'",
        ["event {a}: charge: expected 83960, found 83961", "batch {batch}: charge: expected", "charge: expected"],
    ),
    "other tokens": (
        "UPDATE usage_usageevent SET output_tokens = 49 WHERE external_id = 'a'",
        ["event {a}: charge: expected 82860, found 83960", "output_tokens: expected 59, found 60", "amount of its leg"],
    ),
    "another id": (
        "UPDATE usage_usageevent SET external_id = 'z' WHERE external_id = 'a'",
        ["event {a}: identity: expected"],
    ),
    "another pinned price": (
        "UPDATE usage_usageevent SET output_price = output_price + 20 WHERE external_id = 'a'",
        ["event {a}: charge: expected", "unit price of price"],
    ),
    "an overrun": (
        "UPDATE usage_usageevent SET overrun = 1 WHERE external_id = 'a'",
        ["event {a}: overrun: expected 0"],
    ),
    "a lost event": (
        "DELETE FROM usage_usageevent WHERE external_id = 'a'",
        ["batch {batch}: number of its events: expected 3, found 2", "requests: expected 1, found 2"],
    ),
    "a lost batch": (
        "DELETE FROM billing_ingestionbatch WHERE id = {batch}",
        [
            "event {a}: its ingestion batch: expected {batch}, found none",
            "transaction ingest:{batch}: its ingestion batch: expected one, found none",
        ],
    ),
    "a batch of another charge": (
        "UPDATE billing_ingestionbatch SET charge = charge + 1 WHERE id = {batch}",
        ["batch {batch}: charge: expected", "batch {batch}: revenue by the ledger"],
    ),
    "a batch of somebody else": (
        "UPDATE billing_ingestionbatch SET received_at = '2020-01-01 00:00:00+00:00' WHERE id = {batch}",
        [
            "batch {batch}: instant of its ledger entry: expected 2020-01-01T00:00:00Z",
            "batch {batch}: life of its credit",
        ],
    ),
    "unreadable window legs": (
        "UPDATE billing_ingestionbatch SET window_legs = '[[1]]' WHERE id = {batch}",
        ["batch {batch}: window legs: expected", "settled (usd)"],
    ),
    "other window legs": (
        "UPDATE billing_ingestionbatch SET window_legs = '[[987654,\"usd\",5]]' WHERE id = {batch}",
        ["batch {batch}: windows of its legs: expected window 987654, found none"],
    ),
    "a lost transaction": (
        "DELETE FROM billing_ledgerentry WHERE \"transaction\" = 'ingest:{batch}'",
        ["batch {batch}: revenue by the ledger: expected", "burned: expected"],
    ),
    "a transaction of another amount": (
        "UPDATE billing_ledgerentry SET amount = 2 * amount WHERE \"transaction\" = 'ingest:{batch}'",
        ["batch {batch}: revenue by the ledger: expected", "burned: expected"],
    ),
    "paid from a pocket": (
        "UPDATE billing_ledgerentry SET account = 'cash' WHERE account = 'credit' AND event_id = {batch}",
        ["batch {batch}: what pays for it: expected credit and what is owed, found cash"],
    ),
    "a lost correction": (
        "DELETE FROM billing_correction WHERE kind = 'void'",
        ["what it corrects: expected an event, found none"],
    ),
    "another correction": (
        "UPDATE billing_correction SET output_tokens = 1 WHERE kind = 'amend'",
        ["tokens by its corrections: expected", "charge by its corrections: expected"],
    ),
    "a correction of another price": (
        "UPDATE usage_usageevent SET input_price = 1 WHERE usage_source = 'amended'",
        ["input_price of what it corrects: expected 270000, found 1"],
    ),
    "an ingested request": (
        "UPDATE usage_usageevent SET batch_id = {batch} WHERE usage_source = 'upstream'",
        ["its hold: expected none, found one, although it was ingested"],
    ),
}


@pytest.fixture
def reported(alice):
    """Usage from elsewhere beside it: three events in a batch, one amended later, another voided; and a late one."""
    price_the_past()
    results = report(alice, usage(id="a"), usage(id="b"), usage(id="c"))
    results += report(alice, amend("b", 10, 10), void("c"))
    results += report(alice, usage(id="late", at=timezone.now() - timedelta(hours=1)))
    assert statuses(results) == ["accepted"] * 6
    return alice


def test_ingested_usage_in_order_has_no_difference(reported):
    assert differences() == []
    rollups.fold_pending()
    assert differences() == []


@pytest.mark.parametrize("damage", INGESTED_DAMAGE)
def test_damage_of_ingested_usage_is_found_and_named(reported, damage):
    sql, expected = INGESTED_DAMAGE[damage]
    names = {"a": UsageEvent.objects.get(external_id="a").pk, "batch": IngestionBatch.objects.earliest("pk").pk}
    assert ruin(sql.format(**names)) > 0, "nothing was damaged"
    said = "\n".join(map(str, differences()))
    for words in expected:
        assert words.format(**names) in said


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(alice, damage):
    sql, expected = DAMAGE[damage]
    event = UsageEvent.objects.order_by("pk").first()
    assert ruin(sql.format(event=event.pk)) > 0, "nothing was damaged"
    said = "\n".join(map(str, differences()))
    for words in expected:
        assert words.format(event=event.pk) in said


def test_the_order_of_burning_is_checked(alice):
    plan = CreditGrant.objects.get(kind=GrantKind.PLAN)
    paid = CreditGrant.objects.get(kind=GrantKind.PAYMENT)
    hold = Hold.objects.order_by("pk").first()
    assert json.loads(hold.legs) == [[plan.pk, ONE]]
    ruin(f"UPDATE billing_hold SET legs = '[[{paid.pk},57000],[{plan.pk},700]]' WHERE id = {hold.pk}")
    assert f"hold {hold.pk}: order of its legs: expected [{plan.pk}, {paid.pk}]" in "\n".join(map(str, differences()))


def test_a_leg_on_somebody_elses_window_is_found(alice):
    bob = busy("Bob")
    hold = Hold.objects.filter(organization=bob.organization).first()
    window = SpendingWindow.objects.filter(limit__organization=alice.organization).earliest("pk")
    ruin(f"UPDATE billing_hold SET window_legs = '[[{window.pk},\"tokens\",5]]' WHERE id = {hold.pk}")
    said = "\n".join(map(str, differences()))
    assert f"hold {hold.pk}: limit of its leg on window {window.pk}: expected one on its key" in said
    assert f"hold {hold.pk}: measure of its leg on window {window.pk}: expected usd, found tokens" in said


def test_one_organization_can_be_verified_alone(alice):
    bob = busy("Bob")
    assert verify("--organization", bob.organization.public_id)[0] == 0
    ruin(f"UPDATE billing_creditgrant SET burned = 0 WHERE organization_id = {alice.organization.pk}")
    assert differences(bob.organization) == []
    assert {found.subject for found in differences(alice.organization)} == {"grant", "organization"}
    assert verify("--organization", bob.organization.public_id)[0] == 0
    assert verify("--organization", alice.organization.public_id)[0] == 1


def test_the_exit_status_and_the_lines_tell(alice, monkeypatch):
    ruin("UPDATE usage_usagerollup SET requests = requests + 1")
    status, lines = verify("--json")
    assert status == 1
    (found,) = [json.loads(line) for line in lines.splitlines()]
    assert (found["subject"], found["what"], found["expected"], found["found"]) == ("rollup", "requests", "5", "6")
    status, lines = verify("--quiet")
    assert (status, lines.count("\n")) == (1, 1)
    assert "1 difference." in verify()[1]
    assert verify("--organization", "org_nobody")[0] == 2

    def gone(scope):
        raise OperationalError("the database is away")

    monkeypatch.setattr(books, "verify", gone)
    assert verify()[0] == 2


def test_batches_meet_without_a_gap(alice, monkeypatch):
    monkeypatch.setattr("foundation.keyset.PAGE", 2)
    assert differences() == []
    ruin("DELETE FROM billing_ledgerentry WHERE event_id = (SELECT MAX(id) FROM usage_usageevent WHERE charge > 0)")
    assert len(differences()) == 3


def test_it_reads_one_moment_while_requests_keep_coming(own_database, monkeypatch):
    alice = busy()
    key, secret = alice.key("other")
    begun, written = threading.Event(), threading.Event()

    class Interrupting(Silence):
        def begin(self, name, total):
            if name == "ledger entries":
                begun.set()
                assert written.wait(30)

    def write():
        assert begun.wait(30)
        try:
            settle(outcome(admitted(ask(key, secret))))
            rollups.fold_pending()
        finally:
            connection.close()
            written.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert list(books.verify(Scope(timezone.now(), Interrupting()))) == []
    finally:
        thread.join()
    assert UsageEvent.objects.count() == 6
    assert LedgerEntry.objects.filter(event_id=UsageEvent.objects.latest("pk").pk).count() == 2
    assert differences() == []
