"""Billing: the balance, credit in its order of use, redeeming, history and its export, and who may see them."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization
from accounts.roles import Role
from billing import balances, code_text, codes, grants
from billing.codes import Terms
from billing.models import Account, CreditGrant, GrantKind, LedgerEntry, RedemptionCode
from foundation.money import NANO, usd_string
from tests.billing.desk import admitted, ask, outcome, serve_all_models, settle
from tests.billing.reporter import price_the_past, report, usage
from tests.dashboard.people_at_work import browser
from tests.people import House, house

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def alice() -> House:
    return house("Alice", plan="enterprise", rpm=1000)


def history(house_: House, query: str = "") -> list[dict[str, str]]:
    response = browser(house_.owner).get(f"/billing/export.csv{query}")
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body, newline="")))


def test_an_empty_organization_says_what_to_do(alice: House) -> None:
    page = browser(alice.owner).get("/billing/").content.decode()
    assert "No credit. Requests that cost something fail with 402" in page
    assert "Nothing changed the balance in this month." in page
    assert "Redeem code" in page
    # The banner of every page leads here.
    assert 'href="/billing/"' in browser(alice.owner).get("/usage/").content.decode()


def test_the_banner_says_since_when_there_is_no_credit(alice: House) -> None:
    client = browser(alice.owner)
    assert "fail with 402." in banner(client.get("/usage/"))
    now = timezone.now()
    given = grants.give(alice.organization, NANO, expires_at=now + timedelta(days=3))
    assert not client.get("/usage/").context["banner"]
    since = now.replace(hour=0, minute=1, second=0) - timedelta(days=1)
    CreditGrant.objects.filter(pk=given.pk).update(expires_at=since, starts_at=since - timedelta(days=1))
    assert f"fail with 402 since {since.day} {since:%b %Y, %H:%M} UTC." in banner(client.get("/usage/"))
    # The last of it was used up today.
    CreditGrant.objects.filter(pk=given.pk).update(expires_at=None, burned=NANO)
    LedgerEntry.objects.create(
        transaction="event:7", account=Account.CREDIT, organization=alice.organization, amount=-NANO, event_id=7, at=now
    )
    assert f"fail with 402 since {now:%H:%M} UTC." in banner(client.get("/usage/"))


def banner(page: object) -> str:
    text = page.content.decode().partition('<div class="banner"')[2].partition("</div>")[0]  # type: ignore[attr-defined]
    return re.sub(r"<[^>]+>", "", text)


def test_posted_held_and_available(alice: House) -> None:
    key, secret = alice.key()
    serve_all_models()
    grants.give(alice.organization, 3 * NANO, GrantKind.PAYMENT)
    grants.give(alice.organization, 2 * NANO)
    admitted(ask(key, secret))
    page = browser(alice.owner).get("/billing/")
    balance = page.context["report_balance"]
    assert (balance.posted, balance.held, balance.available) == (5 * NANO, 57_700, 5 * NANO - 57_700)
    text = page.content.decode()
    assert '<data value="4.9999423">' in text and "$0.000058" in text


def test_what_is_owed_is_said(alice: House) -> None:
    price_the_past()
    assert "Owed" not in browser(alice.owner).get("/billing/").content.decode()
    CreditGrant.objects.filter(organization=alice.organization).update(expires_at=timezone.now() - timedelta(days=1))
    report(alice, usage())
    page = browser(alice.owner).get("/billing/").content.decode()
    assert f'Owed: <data value="{usd_string(balances.owed(alice.organization.pk))}">' in page


def test_credit_stands_in_the_order_in_which_it_is_used(alice: House) -> None:
    now = timezone.now()
    for number, (kind, days) in enumerate(
        [(GrantKind.PAYMENT, None), (GrantKind.OPERATOR, None), (GrantKind.OPERATOR, 20), (GrantKind.PLAN, 25)]
    ):
        ends = now + timedelta(days=days) if days else None
        grants.give(alice.organization, NANO + number, kind, expires_at=ends, note=f"number {number}")
    grants.give(alice.organization, NANO, starts_at=now + timedelta(days=3), note="later")
    expired = grants.give(alice.organization, NANO, at=now - timedelta(days=3), expires_at=now - timedelta(days=1))
    used = grants.give(alice.organization, NANO)
    CreditGrant.objects.filter(pk=used.pk if used else 0).update(burned=NANO)
    context = browser(alice.owner).get("/billing/").context
    assert [row.grant.note for row in context["grants"]] == ["number 3", "number 2", "number 1", "number 0", "later"]
    assert [row.number for row in context["grants"]] == [1, 2, 3, 4, 0]
    assert {(row.grant.pk, row.state) for row in context["past"]} == {
        (expired.pk if expired else 0, "expired"),
        (used.pk if used else 0, "used"),
    }


def test_the_order_is_that_of_admission(alice: House) -> None:
    key, secret = alice.key()
    serve_all_models()
    now = timezone.now()
    grants.give(alice.organization, NANO, GrantKind.PAYMENT)
    grants.give(alice.organization, 30_000, GrantKind.OPERATOR, expires_at=now + timedelta(days=2))
    grants.give(alice.organization, 20_000, GrantKind.PLAN, expires_at=now + timedelta(days=9))
    order = [row.grant.pk for row in browser(alice.owner).get("/billing/").context["grants"]]
    assert [leg.grant_id for leg in admitted(ask(key, secret)).legs] == order


def test_a_code_is_redeemed_once(alice: House) -> None:
    issued = codes.create(Terms(5 * NANO, valid_days=30))
    client = browser(alice.owner)
    answer = client.post("/billing/redeem/", {"code": f" {issued.text.lower()} "}, follow=True)
    assert "$5.00 was added to the balance." in answer.content.decode()
    assert issued.text not in answer.content.decode()
    assert balances.balance(alice.organization.pk).available == 5 * NANO
    again = client.post("/billing/redeem/", {"code": issued.text})
    page = again.content.decode()
    assert again.status_code == 422 and "<title>Error: " in page
    assert "has redeemed this code already" in page and issued.text in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Type or paste the code."),
        ("hello", "check it for typing errors"),
        (HOSTILE, "check it for typing errors"),
        ("x" * 101, "at most 100 characters"),
    ],
)
def test_what_is_no_code_is_kept_and_explained(alice: House, typed: str, said: str) -> None:
    answer = browser(alice.owner).post("/billing/redeem/", {"code": typed})
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and HOSTILE not in page
    assert 'aria-invalid="true"' in page
    assert not CreditGrant.objects.exists()


def test_guessing_is_stopped(alice: House) -> None:
    client = browser(alice.owner)
    for _ in range(codes.GUESSES):
        answer = client.post("/billing/redeem/", {"code": code_text.new_code()})
        assert "There is no such code" in answer.content.decode()
    assert "Too many codes" in client.post("/billing/redeem/", {"code": code_text.new_code()}).content.decode()


def test_what_is_by_agreement_says_so() -> None:
    page = browser(house("Bob", plan="free").owner).get("/billing/").content.decode()
    plans = page[page.index('aria-labelledby="plan"') :].partition("</section>")[0]
    assert plans.count("by agreement") == 2 and "—" not in plans


def test_the_history_adds_up_and_the_export_is_exact(alice: House) -> None:
    key, secret = alice.key()
    serve_all_models()
    grants.give(alice.organization, NANO, note="=cmd()")
    charge = sum(receipt.charge for receipt in settle(outcome(admitted(ask(key, secret)))))
    page = browser(alice.owner).get("/billing/")
    assert [row.line.amount for row in page.context["month"].rows] == [-charge, NANO]
    text = page.content.decode()
    assert "/usage/requests/?from=" in text and '<data value="-0.0000577">' in text
    rows = history(alice)
    assert [row["type"] for row in rows] == ["grant", "usage"]
    assert [row["amount"] for row in rows] == ["1.00", "-0.0000577"]
    assert [row["balance_after"] for row in rows] == ["1.00", "0.9999423"]
    assert rows[0]["note"] == "'=cmd()" and rows[1]["requests"] == "1"
    assert rows[0]["time_zone"] == "UTC" and rows[0]["at"].endswith("Z")


def test_months_lead_to_one_another_and_no_further(alice: House) -> None:
    with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC), tick=False):
        Organization.objects.update(created_at=datetime(2026, 9, 30, 23, tzinfo=UTC), time_zone="Europe/Berlin")
        client = browser(alice.owner)
        page = client.get("/billing/?month=2026-10").context["month"]
        assert (page.older, page.newer) == ("", "?month=2026-11")
        assert client.get("/billing/").context["month"].older == "?month=2026-10"
        for wrong in ("2026-09", "2026-12", "2026-1", "x", "9999-99", "2026-11-01", "%00"):
            assert client.get(f"/billing/?month={wrong}").status_code == 404, wrong
            assert client.get(f"/billing/export.csv?month={wrong}").status_code == 404


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_other_roles_see_no_billing(alice: House, role: Role) -> None:
    issued = codes.create(Terms(NANO))
    client = browser(alice.member("Bob", role))
    assert client.get("/billing/").status_code == 403
    assert client.get("/billing/export.csv").status_code == 403
    assert client.post("/billing/redeem/", {"code": issued.text}).status_code == 403
    assert RedemptionCode.objects.get().redeemed == 0
    for path in ("/", "/usage/", "/limits/"):
        assert 'href="/billing/' not in client.get(path).content.decode()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.BILLING])
def test_who_manages_money_redeems(alice: House, role: Role) -> None:
    client = browser(alice.member("Bob", role))
    assert client.get("/billing/").status_code == 200
    assert client.post("/billing/redeem/", {"code": codes.create(Terms(NANO)).text}).status_code == 302


def test_charlie_sees_his_own_and_nobody_gets_in(alice: House) -> None:
    grants.give(alice.organization, 77 * NANO, note="for Alice alone")
    page = browser(house("Charlie").owner).get("/billing/").content.decode()
    # Two digits alone may stand in the token of a form.
    assert "77.00" not in page and "Alice" not in page
    for path in ("/billing/", "/billing/export.csv", "/billing/redeem/"):
        assert browser(None).get(path)["location"].startswith("/accounts/login/?next=")
    assert browser(alice.owner, enforce_csrf_checks=True).post("/billing/redeem/", {"code": "x"}).status_code == 403
    assert browser(alice.owner).post("/billing/").status_code == 405


def test_a_note_is_text(alice: House) -> None:
    grants.give(alice.organization, NANO, note=HOSTILE)
    page = browser(alice.owner).get("/billing/").content.decode()
    assert HOSTILE not in page and "&lt;img" in page


def test_the_months_spend_is_what_usage_and_the_overview_say(alice: House) -> None:
    with time_machine.travel(datetime(2026, 11, 30, 23, 58, tzinfo=UTC), tick=False):
        price_the_past()
        # A little early: of the first of December.
        report(alice, usage(), usage(at=timezone.now() + timedelta(minutes=4)))
        client = browser(alice.owner)
        spent = client.get("/billing/").context["spent"]
        assert spent.requests == 1
        assert spent == client.get("/").context["report"].month
