"""Deliveries with several connections and threads: each message is sent once, and nobody waits for a slow receiver."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from billing import delivering, dispatching, webhooks
from billing.models import Delivery, DeliveryAttempt, WebhookEndpoint
from tests.billing.news import later, say, tell
from tests.billing.receiver import listening, silent, status
from tests.people import house
from tests.running import ROOT

pytestmark = pytest.mark.database
_DELIVER = "import django; django.setup(); from billing.delivering import deliver_due; deliver_due()"


@pytest.fixture
def receiver():
    with listening() as receiver:
        yield receiver


@pytest.fixture
def shop(own_database, settings, receiver):
    """An organization with an endpoint in a database that every thread sees."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    alice = house()
    return alice, webhooks.create_endpoint(alice.organization, receiver.url, alice.actor)


def at_once(number, work):
    gate = threading.Barrier(number)
    raised = []

    def run():
        try:
            gate.wait(20)
            work()
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert raised == []


def test_two_that_deliver_at_once_send_each_message_once(shop, receiver):
    alice, _ = shop
    sent = {say(alice.organization).public_id for _ in range(30)}

    def work():
        for _ in range(8):
            tell()

    at_once(2, work)
    assert sorted(got.id for got in receiver.got) == sorted(sent)
    assert DeliveryAttempt.objects.filter(succeeded=True).count() == 30
    assert not Delivery.objects.exclude(state="delivered", attempts=1).exists()


def test_of_two_that_claim_at_once_one_wins(shop):
    alice, _ = shop
    say(alice.organization)
    dispatching.dispatch_messages()
    delivery = Delivery.objects.get()
    took = []
    at_once(2, lambda: took.append(delivering._take(Delivery.objects.get(pk=delivery.pk), timezone.now())))
    assert sorted(took) == [False, True]
    assert Delivery.objects.get().attempts == 1


def test_switching_off_while_results_come_in_ends_in_one_state(shop, receiver):
    alice, issued = shop
    receiver.answer = status(500)
    for _ in range(12):
        say(alice.organization)
    dispatching.dispatch_messages()
    turns = iter([delivering.deliver_due, lambda: webhooks.change(issued.endpoint, alice.actor, enabled=False)])
    at_once(2, lambda: next(turns)())
    delivering.deliver_due()
    assert not Delivery.objects.filter(state="pending").exists()
    assert not Delivery.objects.exclude(claimed_until=None).exists()


def test_a_slow_receiver_does_not_keep_another_waiting(shop, receiver, monkeypatch):
    alice, _ = shop
    monkeypatch.setattr(delivering, "TIMEOUT", 2.0)
    monkeypatch.setattr(delivering, "_BUDGET", 1.5)
    receiver.answer = silent(3)
    for _ in range(10):
        say(alice.organization)
    dispatching.dispatch_messages()
    with listening() as fast:
        webhooks.create_endpoint(alice.organization, fast.url, alice.actor)
        say(alice.organization)
        dispatching.dispatch_messages()
        started = time.monotonic()
        delivering.deliver_due()
        assert time.monotonic() - started < 6
        assert len(fast.got) == 1
        assert len(receiver.got) == delivering._AT_ONCE_AN_ENDPOINT


def test_a_process_that_is_killed_while_it_sends_leaves_the_delivery_to_another(shop, receiver, own_database):
    alice, issued = shop
    say(alice.organization)
    dispatching.dispatch_messages()
    sender = subprocess.Popen(
        [sys.executable, "-c", _DELIVER],
        cwd=ROOT,
        env={
            **os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": own_database,
            "ENCRYPTION_KEY": settings.ENCRYPTION_KEY, "WEBHOOKS_ALLOW_PRIVATE": "1",
        },
    )  # fmt: skip
    receiver.answer = lambda handler: (sender.kill(), sender.wait(), handler.reply(200))
    assert sender.wait(60) == -signal.SIGKILL
    receiver.answer = status(200)
    assert delivering.deliver_due() == 0
    with later(minutes=2, seconds=1):
        assert delivering.deliver_due() == 1
        assert delivering.deliver_due() == 0
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert first.signed_by(issued.secret) and second.signed_by(issued.secret)
    assert Delivery.objects.filter(state="delivered", attempts=2).count() == 1


def test_the_test_button_sends_at_once_and_once(shop, receiver):
    alice, issued = shop
    delivery = webhooks.send_test(issued.endpoint, alice.actor)
    (got,) = receiver.got
    assert got.json["type"] == "webhook.test" and got.signed_by(issued.secret)
    assert (delivery.state, delivery.last_status) == ("delivered", 200)
    receiver.answer = status(500, b"<b>no\x00pe</b>")
    failed = webhooks.send_test(issued.endpoint, alice.actor)
    assert (failed.state, failed.response_excerpt) == ("failed", "<b>nope</b>")
    assert WebhookEndpoint.objects.get().failing_since is None
    assert tell() == 0 and AuditEntry.objects.filter(action="webhook.tested").count() == 2


def test_within_a_transaction_the_test_waits_for_the_commit(shop, receiver):
    alice, issued = shop
    with transaction.atomic():
        delivery = webhooks.send_test(issued.endpoint, alice.actor)
        assert delivery.state == "pending" and receiver.got == []
    delivery.refresh_from_db()
    assert delivery.state == "delivered" and len(receiver.got) == 1
