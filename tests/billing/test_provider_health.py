"""Outages of providers: seen by the gateway, told once to whoever uses the models."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connections
from django.utils import timezone

from billing import mails, provider_health
from billing.models import Hold, OutboxMessage, ProviderHealth
from billing.recipients import Recipient
from billing.terms import ProviderTries
from catalog import providers
from gateway import provider_tries
from gateway.provider_tries import ProviderNotes
from tests.people import house

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def failed(provider, times, at=AT):
    return ProviderTries(provider.pk, None, times, at, at, "unreachable")


def answered(provider, at=AT):
    return ProviderTries(provider.pk, at)


def asked(alice, model="deepseek-chat"):
    """A request of hers to the model, a minute ago."""
    key, _ = alice.key(f"for {model}")
    now = timezone.now()
    Hold.objects.create(
        id=Hold.objects.count() + 1, organization=alice.organization, project=alice.project, api_key=key,
        request_id="req_1", model=model, stream=False, state="settled", amount=0, legs="[]", input_bound=1,
        output_cap=1, input_price=1, cached_input_price=1, output_price=1, price_ids="1,2,3",
        admitted_at=now - timedelta(minutes=1), lease_until=now,
    )  # fmt: skip


class World:
    def __init__(self):
        self.alice = house()
        self.first, self.second = (providers.connect(name, f"https://{name}.example/v1", "sk-x") for name in ("a", "b"))
        for name in ("deepseek-chat", "deepseek-coder"):
            providers.serve(self.first, providers.Serves(name, name))
        providers.serve(self.second, providers.Serves("deepseek-coder", "coder"))
        asked(self.alice)


@pytest.fixture
def world(db):
    return World()


def told():
    rows = OutboxMessage.objects.filter(type__startswith="provider.").order_by("pk")
    return list(rows.values_list("type", flat=True))


def test_an_outage_is_told_once_and_its_end_once(world):
    provider_health.record([failed(world.first, 3), answered(world.second)])
    assert provider_health.watch_providers() == 0 and told() == []
    provider_health.record([failed(world.first, 2, AT + timedelta(seconds=9))])
    assert [provider_health.watch_providers() for _ in range(3)] == [1, 0, 0]
    provider_health.record([failed(world.first, 40)])
    assert provider_health.watch_providers() == 0
    assert told() == ["provider.down"]
    payload = OutboxMessage.objects.get(type="provider.down").payload
    assert payload["models"] == ["deepseek-chat", "deepseek-coder"]
    assert payload["models_without_provider"] == ["deepseek-chat"]
    assert payload["since"] == "2026-11-24T12:00:00Z" and payload["until"] is None
    provider_health.record([answered(world.first, AT + timedelta(minutes=5))])
    assert [provider_health.watch_providers() for _ in range(2)] == [1, 0]
    assert told() == ["provider.down", "provider.up"]
    assert OutboxMessage.objects.get(type="provider.up").payload["until"] == "2026-11-24T12:05:00Z"


def test_an_answer_in_between_is_no_outage(world):
    for _ in range(4):
        provider_health.record([failed(world.first, 4)])
        provider_health.record([answered(world.first)])
    assert provider_health.watch_providers() == 0
    assert ProviderHealth.objects.get(provider=world.first).failing_since is None


def test_failures_of_several_processes_add_up(world):
    for second in range(5):
        provider_health.record([failed(world.first, 1, AT + timedelta(seconds=second))])
    health = ProviderHealth.objects.get(provider=world.first)
    assert (health.failed_in_a_row, health.failing_since, health.failure) == (5, AT, "unreachable")
    assert provider_health.watch_providers() == 1


def test_who_did_not_use_it_is_told_nothing(world):
    charlie = house("Charlie")
    provider_health.record([failed(world.first, 5)])
    provider_health.watch_providers()
    assert not OutboxMessage.objects.filter(organization=charlie.organization).exists()
    assert OutboxMessage.objects.filter(organization=world.alice.organization, type="provider.down").count() == 1


def test_nobody_is_told_who_the_provider_is(world):
    provider_health.record([failed(world.first, 5)])
    provider_health.watch_providers()
    message = OutboxMessage.objects.get(type="provider.down")
    assert "a.example" not in str(message.payload) and '"a"' not in str(message.payload)
    for type_ in ("provider.down", "provider.up"):
        message.type = type_
        mails.compose(message, Recipient("alice@example.com", "en"), "dlv_1").send()
    down, up = mail.outbox
    assert "deepseek-chat, deepseek-coder" in down.subject and "503" in down.body
    assert "answers again" in up.subject


def test_a_provider_that_was_removed_meanwhile_is_passed_over(world):
    provider_health.record([ProviderTries(9_999, None, 5, AT, AT, "500"), answered(world.first)])
    assert ProviderHealth.objects.count() == 1


def test_the_gateway_writes_failures_at_once_and_answers_now_and_then(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(provider_tries.time, "monotonic", lambda: now[0])
    notes = ProviderNotes()
    notes.note(1)
    assert [(one.provider_id, one.failed) for one in notes.take()] == [(1, 0)]
    notes.note(1)
    assert notes.take() == []
    notes.note(1, "503")
    notes.note(1, "unreachable")
    [news] = notes.take()
    assert (news.failed, news.failure) == (2, "unreachable") and news.answered_at is not None
    notes.note(1)
    now[0] = 106.0
    assert [one.failed for one in notes.take()] == [0]


@pytest.mark.database
def test_of_many_processes_one_tells(own_database):
    world = World()
    provider_health.record([failed(world.first, 5)])
    found = []

    def watch():
        try:
            found.append(provider_health.watch_providers())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=watch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert sorted(found) == [0, 0, 0, 0, 0, 1]
    assert told() == ["provider.down"]
