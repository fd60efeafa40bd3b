from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from billing import balances, repricing
from billing.models import Adjustment, CreditGrant, GrantKind, LedgerEntry
from billing.repricing import Correction
from billing.verification import books
from billing.verification.scope import Scope
from catalog.models import LanguageModel, Plan, Price
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.billing.ruin import ruin
from tests.people import house
from usage.counts import TokenCounts
from usage.models import UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.database]
# A request of tests.billing.desk: 10 tokens in at 0.27 and 50 out at 1.10 USD per 1M.
ONE = 57_700
# The same with output at 0.11.
RIGHT = 2_700 + 50 * 110
# When the catalog was filled; the requests came a minute later.
SEEDED = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Silence:
    def begin(self, name, total): ...
    def advance(self, rows): ...


def differences():
    return [str(found) for found in books.verify(Scope(timezone.now(), Silence()))]


@pytest.fixture
def clock():
    with time_machine.travel(SEEDED, tick=False) as traveller:
        yield traveller


@pytest.fixture
def people(clock):
    """Alice asked twice and Bob once, of one model; Alice once of another; an hour ago."""
    alice, bob = house("Alice"), house("Bob")
    serve_all_models()
    clock.shift(timedelta(minutes=1))
    asked = ask(*alice.key())
    settle(outcome(admitted(asked)), outcome(admitted(asked)), outcome(admitted(ask(*bob.key("b")))))
    settle(outcome(admitted(ask(*alice.key("c"), model="deepseek-coder"))))
    clock.shift(timedelta(hours=1))
    return alice, bob


def reprice(*arguments, since="2026-06-01T11:00:00", until="2026-06-01T12:30:00"):
    out = StringIO()
    options = ["--model", "deepseek-chat", "--since", since, "--until", until]
    call_command("reprice", *options, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def given_back(house):
    grants = CreditGrant.objects.filter(organization=house.organization, kind=GrantKind.ADJUSTMENT)
    return sum(grant.amount for grant in grants)


def test_a_dry_run_shows_and_changes_nothing(people):
    text = reprice("--output-price", "0.11")
    alice, bob, everybody = [line.split() for line in text.splitlines()[2:5]]
    assert alice[0] == "Alice's" and alice[2:] == ["2", "0.0001154", "0.0000164", "-0.000099", "0.000099"]
    assert bob[2:] == ["1", "0.0000577", "0.0000082", "-0.0000495", "0.0000495"]
    assert everybody == ["all", "3", "0.0001731", "0.0000246", "-0.0001485", "0.0001485"]
    assert "dry run" in text
    assert not Adjustment.objects.exists() and not CreditGrant.objects.filter(kind="adjustment").exists()


def test_posting_gives_the_difference_back_once(people):
    alice, bob = people
    before = balances.balance(alice.organization.pk).available
    facts = list(UsageEvent.objects.order_by("pk").values())
    for _ in range(3):
        reprice("--output-price", "0.11", "--post")
    assert (given_back(alice), given_back(bob)) == (2 * (ONE - RIGHT), ONE - RIGHT)
    assert balances.balance(alice.organization.pk).available == before + 2 * (ONE - RIGHT)
    assert Adjustment.objects.count() == 3
    assert list(UsageEvent.objects.order_by("pk").values()) == facts
    grant = CreditGrant.objects.get(kind="adjustment", organization=alice.organization)
    assert (grant.expires_at, grant.is_paid) == (None, False)
    entries = LedgerEntry.objects.filter(transaction=f"grant:{grant.pk}").order_by("account")
    assert [(entry.account, entry.amount) for entry in entries] == [
        ("credit", 2 * (ONE - RIGHT)),
        ("revenue", -2 * (ONE - RIGHT)),
    ]
    assert AuditEntry.objects.filter(action="credit.adjusted").count() == 2
    assert differences() == []


def test_another_run_gives_nothing_back_twice(people):
    alice, _ = people
    reprice("--output-price", "0.11", "--post")
    reprice("--output-price", "0.11", "--post", "--run", "the same again")
    assert given_back(alice) == 2 * (ONE - RIGHT)
    reprice("--output-price", "0", "--post", "--run", "and now for free")
    assert given_back(alice) == 2 * (ONE - 2_700)
    assert differences() == []


def test_a_run_that_was_killed_is_resumed(people, monkeypatch):
    alice, bob = people
    give = repricing.grants.give

    def killed(organization, *arguments, **options):
        if organization == bob.organization:
            raise KeyboardInterrupt
        return give(organization, *arguments, **options)

    monkeypatch.setattr(repricing.grants, "give", killed)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        reprice("--output-price", "0.11", "--post", "--organization", bob.organization.public_id)
    reprice("--output-price", "0.11", "--post", "--organization", alice.organization.public_id)
    assert (given_back(alice), given_back(bob)) == (2 * (ONE - RIGHT), 0)
    monkeypatch.undo()
    reprice("--output-price", "0.11", "--post")
    assert (given_back(alice), given_back(bob)) == (2 * (ONE - RIGHT), ONE - RIGHT)
    assert Adjustment.objects.values("run").distinct().count() == 1
    assert differences() == []


def test_what_was_charged_too_little_is_never_billed(people):
    alice, _ = people
    before = balances.balance(alice.organization.pk).available
    text = reprice("--output-price", "2.20", "--post")
    assert "0.000165 USD were charged too little; they are never billed." in text
    assert balances.balance(alice.organization.pk).available == before
    assert not Adjustment.objects.exists()


def test_the_catalog_says_what_was_right(people):
    """By scope and by moment, as it stands today."""
    alice, bob = people
    model = LanguageModel.objects.get(name="deepseek-chat")
    past = {"model": model, "token_class": "output", "effective_from": SEEDED + timedelta(seconds=30)}
    text = reprice()
    assert text.splitlines()[4].split()[4] == "0.00"
    Price.objects.create(unit_price=110_000, **past)
    Price.objects.create(unit_price=0, scope="organization", organization=bob.organization, **past)
    Price.objects.create(unit_price=990_000, scope="plan", plan=Plan.objects.get(code="free"), **past)
    reprice("--post")
    assert (given_back(alice), given_back(bob)) == (2 * (ONE - RIGHT), ONE - 2_700)
    assert set(Adjustment.objects.values_list("output_price", flat=True)) == {110_000, 0}
    assert differences() == []


def test_only_the_period_the_model_and_the_organization_are_touched(people):
    alice, bob = people
    reprice("--output-price", "0", "--post", since="2026-06-01T12:01:01+00:00")
    reprice("--output-price", "0", "--post", until="2026-06-01T14:01:00+02:00")
    assert not Adjustment.objects.exists()
    reprice("--output-price", "0", "--post", "--organization", bob.organization.public_id)
    assert (given_back(alice), given_back(bob)) == (0, 50 * 1_100)


def test_the_right_price_is_capped_by_what_it_would_have_held(clock):
    alice = house()
    serve_all_models()
    settle(outcome(admitted(ask(*alice.key())), TokenCounts(10, 0, 60)))
    clock.shift(timedelta(hours=1))
    # The operator bore ten tokens; at the same price the customer still does not.
    assert "too little" not in reprice("--output-price", "1.10")
    reprice("--output-price", "0.11", "--post")
    assert given_back(alice) == ONE - RIGHT
    assert differences() == []


def test_a_period_must_be_closed(people, clock):
    alice, _ = people
    with pytest.raises(CommandError, match="ended a minute ago"):
        reprice("--output-price", "0", "--post", until="2026-06-01T13:00:30")
    reprice("--output-price", "0", until="2026-06-01T13:00:30")
    under_way = admitted(ask(*alice.key("d")))
    clock.shift(timedelta(hours=1))
    with pytest.raises(CommandError, match="still under way"):
        reprice("--output-price", "0", "--post", until="2026-06-01T13:30:00")
    settle(outcome(under_way))
    reprice("--output-price", "0", "--post", until="2026-06-01T13:30:00")
    assert given_back(alice) == 3 * 50 * 1_100


def test_a_run_cannot_give_back_at_two_prices(people, clock):
    reprice("--output-price", "0.11", "--post", "--run", "june")
    clock.shift(timedelta(seconds=1))
    with pytest.raises(CommandError, match="Name another"):
        reprice("--output-price", "0.10", "--post", "--run", "june")
    assert differences() == []


@pytest.mark.parametrize(
    "arguments",
    [["--model", "gpt-0"], ["--organization", "org_0"], ["--until", "2026-05-01"], ["--input-price", "-1"]],
)
def test_nonsense_is_refused(people, arguments):
    with pytest.raises(CommandError):
        reprice(*arguments)


DAMAGE = {
    "UPDATE billing_adjustment SET amount = amount + 1": ["amount: expected 49500, found 49501", "sum of its adjust"],
    "UPDATE billing_adjustment SET charged = charged + 1, amount = amount + 1": ["charge so far: expected 57700"],
    "UPDATE billing_adjustment SET repriced = repriced - 1, amount = amount + 1": [
        "charge at its prices: expected 8200"
    ],
    "UPDATE billing_adjustment SET run = 'x'": ["source of its grant: expected adjustment:x"],
    "DELETE FROM billing_adjustment": ["sum of its adjustments: expected 0, found 99000"],
    "UPDATE billing_creditgrant SET kind = 'operator' WHERE kind = 'adjustment'": ["of a grant of another kind"],
    "UPDATE billing_creditgrant SET amount = amount + 1 WHERE kind = 'adjustment'": ["found 99001", "balance by"],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_adjustments_are_found(people, damage):
    reprice("--output-price", "0.11", "--post")
    assert ruin(damage) > 0
    said = "\n".join(differences())
    for words in DAMAGE[damage]:
        assert words in said


@pytest.mark.parametrize("statement", ["UPDATE billing_adjustment SET id = id", "DELETE FROM billing_adjustment"])
def test_the_database_refuses_to_change_adjustments(people, statement):
    reprice("--output-price", "0.11", "--post")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)


def test_the_same_event_cannot_be_adjusted_twice_by_one_run(people):
    reprice("--output-price", "0.11", "--post")
    one = Adjustment.objects.first()
    one.pk = None
    with pytest.raises(DatabaseError), transaction.atomic():
        one.save(force_insert=True)


def test_a_charge_explains_what_was_given_back(people):
    reprice("--output-price", "0.11", "--post", "--run", "june")
    out = StringIO()
    call_command("explain_charge", UsageEvent.objects.filter(model="deepseek-chat").first().request_id, stdout=out)
    assert "Given back since: 0.0000495 USD by the repricing june." in out.getvalue()


def test_a_correction_of_nothing_finds_nothing():
    now = timezone.now()
    correction = Correction("x", "deepseek-chat", now - timedelta(days=1), now, from_catalog=True)
    assert repricing.compare(correction, lambda rows: None) == []
