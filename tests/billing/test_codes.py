"""Redemption codes: what they give, once an organization and never more often than they say."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import AuditEntry, Organization
from billing import balances, code_text, codes
from billing.codes import Terms
from billing.models import CreditGrant, GrantKind, LedgerEntry, Redemption, RedemptionCode
from foundation.money import NANO
from tests.billing.desk import admit, ask, refused, serve_all_models
from tests.people import House, house

pytestmark = [pytest.mark.database]
database = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> House:
    return house(plan="enterprise")


def why(made: House, text: str) -> str:
    """The kind of the refusal."""
    with pytest.raises(ValidationError) as caught:
        codes.redeem(made.organization, text, made.actor)
    return str(caught.value.code)


def unknown() -> str:
    return code_text.new_code()


def test_a_code_is_twenty_characters_in_groups_that_can_be_read_out() -> None:
    text = code_text.new_code()
    assert len(text) == 24 and text.count("-") == 4
    assert set(text) <= set(code_text.ALPHABET) | {"-"}
    plain = text.replace("-", "")
    for typed in (text, text.lower(), plain, f"  {plain[:3]} {plain[3:]}\n", text.replace("0", "o").replace("1", "l")):
        assert code_text.normal(typed) == plain


def test_a_typing_error_is_no_code() -> None:
    text = code_text.new_code()
    for place, letter in enumerate(text):
        if letter != "-":
            other = "7" if letter != "7" else "8"
            assert code_text.normal(text[:place] + other + text[place + 1 :]) is None
    for typed in ("", "-", text[:-1], text + "0", text.replace(text[0], "U"), "💶" * 20, "İ" * 20, "\0" * 20):
        assert code_text.normal(typed) is None


def test_it_gives_credit_with_a_balanced_ledger_and_a_trace(alice: House) -> None:
    issued = codes.create(Terms(5 * NANO, valid_days=30, note="for the fair"))
    before = timezone.now()
    grant = codes.redeem(alice.organization, f" {issued.text.lower()} ", alice.actor)
    assert (grant.kind, grant.amount, grant.is_paid) == (GrantKind.CODE, 5 * NANO, False)
    assert grant.expires_at is not None
    assert before + timedelta(days=30) <= grant.expires_at <= timezone.now() + timedelta(days=30)
    assert balances.balance(alice.organization.pk).available == 5 * NANO
    entries = LedgerEntry.objects.filter(transaction=f"grant:{grant.pk}")
    assert sorted(entries.values_list("account", "amount")) == [("credit", 5 * NANO), ("promotion", -5 * NANO)]
    redemption = Redemption.objects.get()
    assert (redemption.grant, redemption.user, redemption.organization) == (grant, alice.owner, alice.organization)
    entry = AuditEntry.objects.get(action="code.redeemed")
    assert (entry.organization, entry.actor, entry.object_id) == (
        alice.organization, alice.owner, issued.code.public_id,
    )  # fmt: skip
    assert "fair" not in grant.note


def test_the_next_request_after_a_402_is_answered(alice: House) -> None:
    key, secret = alice.key()
    serve_all_models()
    assert refused(ask(key, secret)).kind == "insufficient_quota"
    codes.redeem(alice.organization, codes.create(Terms(NANO)).text, alice.actor)
    assert not hasattr(admit(ask(key, secret))[0], "kind")


def test_only_a_keyed_hash_is_stored(alice: House) -> None:
    issued = codes.create(Terms(NANO), alice.actor)
    plain = issued.text.replace("-", "")
    with connection.cursor() as cursor:
        for table in ("billing_redemptioncode", "accounts_auditentry"):
            cursor.execute(f"SELECT * FROM {table}")
            assert plain[4:8] + plain[8:12] not in str(cursor.fetchall()).replace("-", "")
    assert issued.code.hint == issued.text[:4]


def test_each_way_to_be_refused_says_so_and_gives_nothing(alice: House) -> None:
    bob = house("Bob", plan="enterprise")
    once = codes.create(Terms(NANO))
    codes.redeem(bob.organization, once.text, bob.actor)
    twice = codes.create(Terms(NANO, uses=2))
    codes.redeem(alice.organization, twice.text, alice.actor)
    voided = codes.create(Terms(NANO))
    codes.void(voided.code, alice.actor)
    short = codes.create(Terms(NANO, expires_at=timezone.now() + timedelta(hours=1)))
    assert why(alice, "12345") == "mistyped"
    assert why(alice, unknown()) == "unknown"
    assert why(alice, once.text) == "used_up"
    assert why(bob, once.text) == "already"
    assert why(alice, twice.text) == "already"
    assert why(alice, voided.text) == "expired"
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert why(alice, short.text) == "expired"
    assert CreditGrant.objects.filter(organization=alice.organization).count() == 1
    assert RedemptionCode.objects.get(pk=twice.code.pk).redeemed == 1


def test_a_typing_error_asks_the_database_nothing(alice: House, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert why(alice, "4T8K-4T8K-4T8K-4T8K-4T8K") == "mistyped"


def test_guessing_is_stopped_for_the_organization_and_the_person(alice: House) -> None:
    good = codes.create(Terms(NANO)).text
    for _ in range(codes.GUESSES):
        assert why(alice, unknown()) == "unknown"
    assert why(alice, unknown()) == "too_many"
    assert why(alice, good) == "too_many"
    assert AuditEntry.objects.filter(action="code.not_found").count() == codes.GUESSES
    bob = house("Bob")
    with pytest.raises(ValidationError, match="Too many"):
        codes.redeem(bob.organization, good, Actor(alice.owner))
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert codes.redeem(alice.organization, good, alice.actor).amount == NANO


@database
@pytest.mark.parametrize(
    "terms",
    [
        Terms(0), Terms(-1), Terms(2**63), Terms(NANO, uses=0), Terms(NANO, valid_days=0), Terms(NANO, note="x" * 201),
        Terms(NANO, valid_days=100_000),
    ],
)  # fmt: skip
def test_a_code_that_makes_no_sense_is_not_made(terms: Terms) -> None:
    with pytest.raises(ValidationError):
        codes.create(terms)
    assert not RedemptionCode.objects.exists()


@pytest.mark.parametrize("uses", [1, 5])
def test_two_dozen_at_once_never_exceed_the_code(own_database: str, uses: int) -> None:
    issued = codes.create(Terms(NANO, uses=uses))
    houses = [house(f"Person{number}", plan="enterprise") for number in range(12)]
    together = Barrier(24)

    def redeem(made: House) -> str:
        try:
            together.wait(timeout=30)
            codes.redeem(made.organization, issued.text, made.actor)
            return "redeemed"
        except ValidationError as error:
            return str(error.code)
        finally:
            connection.close()

    with ThreadPoolExecutor(24) as pool:
        said = list(pool.map(redeem, houses + houses))
    assert said.count("redeemed") == uses
    assert set(said) <= {"redeemed", "already", "used_up"}
    assert RedemptionCode.objects.get().redeemed == uses == CreditGrant.objects.filter(kind="code").count()
    assert Redemption.objects.values("organization").distinct().count() == uses
    assert sum(LedgerEntry.objects.values_list("amount", flat=True)) == 0


@database
def test_the_commands_give_credit_and_codes(alice: House, capsys: pytest.CaptureFixture[str]) -> None:
    organization = alice.organization.public_id
    call_command("grant_credit", organization=organization, amount="12.50", expires="2099-01-01", note="sorry")
    assert "$12.50 available" in capsys.readouterr().out
    grant = CreditGrant.objects.get()
    assert (grant.amount, grant.note, str(grant.expires_at)) == (12_500_000_000, "sorry", "2099-01-01 00:00:00+00:00")
    call_command("create_codes", amount="3", count=3, uses=2, valid_days=10, note="fair")
    printed = capsys.readouterr().out.split()
    assert len(set(printed)) == 3
    for text in printed:
        assert codes.redeem(alice.organization, text, alice.actor).amount == 3 * NANO


@database
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("create_codes", {"amount": "0.0000000001"}),
        ("create_codes", {"amount": "-1"}),
        ("create_codes", {"amount": "ten"}),
        ("create_codes", {"amount": "1", "count": 0}),
        ("create_codes", {"amount": "1", "uses": 0}),
        ("create_codes", {"amount": "1", "expires": "yesterday"}),
        ("create_codes", {"amount": "1", "expires": "2001-01-01"}),
        ("grant_credit", {"amount": "1", "organization": "org_none"}),
        ("grant_credit", {"amount": "0"}),
        ("grant_credit", {"amount": "1e9999"}),
        ("grant_credit", {"amount": "1", "expires": "2001-01-01"}),
        ("grant_credit", {"amount": "1", "note": "x" * 201}),
    ],
)
def test_a_command_that_cannot_be_done_does_nothing(alice: House, command: str, options: dict[str, object]) -> None:
    if command == "grant_credit":
        options = {"organization": alice.organization.public_id} | options
    with pytest.raises(CommandError):
        call_command(command, **options)
    assert not CreditGrant.objects.exists() and not RedemptionCode.objects.exists()
    assert Organization.objects.count() == 1
