"""Who is told what by e-mail, once a message."""

import threading
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
import time_machine
from django.core import mail
from django.db import connections
from django.utils import timezone

from accounts.models import Membership
from accounts.roles import Role
from billing import delivering, dispatching
from billing.models import Delivery, DeliveryAttempt, OutboxMessage
from tests.billing.news import later, say, tell, verify
from tests.people import house


@pytest.fixture
def alice(db):
    alice = house()
    verify(alice.owner)
    return alice


def addressed():
    return sorted(message.to[0] for message in mail.outbox)


def test_owners_admins_and_billing_members_are_told(alice):
    verify(*[alice.member(role, role) for role in (Role.ADMIN, Role.BILLING, Role.DEVELOPER, Role.VIEWER)])
    verify(house("Charlie").owner)
    say(alice.organization)
    tell()
    assert addressed() == ["admin@example.com", "alice@example.com", "billing@example.com"]


def test_addresses_that_are_not_verified_are_not_told(alice):
    alice.member("Bob", Role.ADMIN)
    verify(gone := alice.member("Gone", Role.ADMIN))
    gone.is_active = False
    gone.save()
    say(alice.organization)
    tell()
    assert addressed() == ["alice@example.com"]


def test_the_mail_says_what_and_how_much(alice, settings):
    settings.PUBLIC_URL = "https://console.example.com"
    message = say(alice.organization)
    tell()
    (sent,) = mail.outbox
    assert sent.subject == "production-web has used 80% of its monthly spending limit: $80.00 of $100.00"
    assert "At 100% requests fail with 402 until 1 Dec 2026, 00:00 UTC." in sent.body
    assert "https://console.example.com/" in sent.body and "Alice&#" not in sent.body and "Alice's" in sent.body
    ((html, kind),) = sent.alternatives
    assert kind == "text/html" and '<a href="https://console.example.com/">' in html
    delivery = Delivery.objects.get(message=message)
    assert sent.extra_headers["Message-ID"] == f"<{delivery.public_id}@localhost>"
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("delivered", 1, "")


@pytest.mark.parametrize(
    ("over", "subject", "within"),
    [
        (
            {"reason": "refusal", "used": "99.9", "threshold_percent": 100},
            "production-web reached its monthly spending limit of $100.00",
            "$99.90 used and $0.5000 held for running requests.",
        ),
        (
            {"is_hard": False, "threshold_percent": 100},
            "production-web reached its monthly spending limit of $100.00",
            "this limit only tells and stops nothing",
        ),
        (
            {"measure": "tokens", "limit": "1000000", "used": "1000000", "held": "0", "window": "day"},
            "production-web reached its daily token limit of 1,000,000 tokens",
            "1,000,000 of 1,000,000 tokens used.",
        ),
        (
            {"measure": "requests", "limit": "10", "used": "10", "held": "0", "window": "lifetime", "resets_at": None},
            "production-web reached its request limit of 10 requests",
            "fail with 402 until the limit is raised",
        ),
        (
            {"scope": "project", "scope_name": "A\r\nBcc: x@example.com <b>&", "limit": "0.000217"},
            "A Bcc: x@example.com <b>& reached its monthly spending limit of $0.000217",
            "The project A",
        ),
    ],
)
def test_what_is_said_when_a_limit_is_reached(alice, over, subject, within):
    say(alice.organization, "limit.reached", **over)
    tell()
    (sent,) = mail.outbox
    assert sent.subject == subject
    assert within in sent.body
    assert "<b>&" not in sent.alternatives[0][0]
    assert sent.message().as_bytes()


def test_the_reset_is_said_in_the_organizations_zone(alice):
    alice.organization.time_zone = "Asia/Shanghai"
    alice.organization.save()
    say(alice.organization)
    tell()
    assert "until 1 Dec 2026, 08:00 CST" in mail.outbox[0].body


def test_a_message_without_a_text_is_told_by_nobody(alice):
    message = say(alice.organization, "something.new")
    tell()
    message.refresh_from_db()
    assert message.dispatched_at and not Delivery.objects.exists()


def test_a_message_is_dispatched_once(alice):
    say(alice.organization)
    assert (dispatching.dispatch_messages(), dispatching.dispatch_messages()) == (1, 0)
    assert Delivery.objects.count() == 1


def test_a_mail_is_tried_again_until_it_is_taken(alice, monkeypatch):
    say(alice.organization)

    def refuse(mail):
        raise SMTPServerDisconnected("away")

    with time_machine.travel(timezone.now(), tick=False), monkeypatch.context() as patch:
        patch.setattr("billing.delivering._mail", refuse)
        tell()
        delivery = Delivery.objects.get()
        assert delivery.state == "pending" and "SMTPServerDisconnected: away" in delivery.last_error
        assert timedelta(seconds=4) < delivery.next_attempt_at - timezone.now() <= timedelta(seconds=5)
        assert delivering.deliver_due() == 0
    with later(seconds=6):
        assert delivering.deliver_due() == 1
    assert len(mail.outbox) == 1
    assert [row.succeeded for row in DeliveryAttempt.objects.order_by("number")] == [False, True]


def test_who_left_is_not_told_any_more(alice):
    verify(bob := alice.member("Bob", Role.ADMIN))
    say(alice.organization)
    dispatching.dispatch_messages()
    Membership.objects.filter(user=bob).delete()
    delivering.deliver_due()
    assert addressed() == ["alice@example.com"]
    stopped = Delivery.objects.get(address=bob.email)
    assert stopped.state == "cancelled" and "left" in stopped.last_error


def test_a_mail_that_cannot_be_written_is_noted_and_tried_again(alice, caplog):
    message = say(alice.organization)
    OutboxMessage.objects.filter(pk=message.pk).update(payload={})
    tell()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert delivery.last_error == "The message could not be written."


@pytest.mark.database
def test_many_dispatchers_and_deliverers_tell_once(own_database, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    alice = house()
    verify(alice.owner)
    for _ in range(20):
        say(alice.organization)
    gate = threading.Barrier(4)
    raised = []

    def work():
        try:
            gate.wait(20)
            for _ in range(6):
                tell()
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert raised == []
    assert Delivery.objects.filter(state="delivered", attempts=1).count() == 20
    assert len(mail.outbox) == 20 == len({message.extra_headers["Message-ID"] for message in mail.outbox})
