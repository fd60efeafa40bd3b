"""Changes of keys become messages; little credit is told once."""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from accounts import keys
from accounts.actor import Actor
from accounts.models import AuditEntry
from accounts.roles import Role
from billing import announcing, balances, grants, low_balance, mails
from billing.management.instant import future
from billing.models import AuditPosition, CreditGrant, LowBalance, OutboxMessage
from foundation.money import NANO
from foundation.periods import iso
from tests.billing import workers
from tests.billing.news import later, tell, verify
from tests.people import House, house

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("noon")]
_numbers = itertools.count()


@pytest.fixture
def alice(db: None) -> House:
    made = house("Alice")
    verify(made.owner)
    announcing.announce_changes()
    OutboxMessage.objects.all().delete()
    return made


def told() -> list[tuple[str, str]]:
    return [(one.type, one.payload.get("name", "")) for one in OutboxMessage.objects.order_by("pk")]


def test_each_change_of_a_key_is_told_once(alice: House) -> None:
    key, secret = alice.key("worker")
    keys.regenerate(key, alice.actor, grace=timedelta(hours=1))
    keys.revoke(key, alice.actor)
    assert announcing.announce_changes() == 3
    assert announcing.announce_changes() == 0
    assert told() == [("key.created", "worker"), ("key.regenerated", "worker"), ("key.revoked", "worker")]
    created, regenerated, _ = OutboxMessage.objects.order_by("pk")
    assert created.payload["id"] == key.public_id
    assert created.payload["by"] == {"type": "user", "id": alice.owner.public_id}
    ends_at = key.secrets.get(ends_at__isnull=False).ends_at
    assert ends_at
    assert future(regenerated.payload["previous_secret_ends_at"], "") is not None
    assert regenerated.payload["previous_secret_ends_at"] == iso(ends_at)
    assert secret not in str([one.payload for one in OutboxMessage.objects.all()])
    tell()
    assert [(one.to, one.subject) for one in mail.outbox] == [
        (["alice@example.com"], "New API key: worker"),
        (["alice@example.com"], "API key with a new secret: worker"),
        (["alice@example.com"], "API key revoked: worker"),
    ]
    assert secret not in str([one.message() for one in mail.outbox])
    assert "Alice created the API key worker in the project" in mail.outbox[0].body


def test_the_mail_about_a_key_goes_to_owners_and_to_whoever_created_it(alice: House) -> None:
    admin, developer = alice.member("Bob", Role.ADMIN), alice.member("Dora", Role.DEVELOPER)
    verify(admin, developer)
    key = keys.create(alice.project, "hers", Actor(developer)).api_key
    keys.revoke(key, Actor(None, key_id="key_gone"))
    announcing.announce_changes()
    tell()
    assert Counter(one.to[0] for one in mail.outbox) == {"alice@example.com": 2, "dora@example.com": 2}
    assert "A script with the key key_gone revoked the API key hers" in mail.outbox[-1].body


def test_a_script_that_makes_many_keys_fills_no_mailbox(alice: House) -> None:
    for number in range(mails.MOST_ABOUT_KEYS + 5):
        alice.key(f"key {number}")
    announcing.announce_changes()
    tell()
    assert len(mail.outbox) == mails.MOST_ABOUT_KEYS
    assert OutboxMessage.objects.filter(dispatched_at=None).count() == 0
    with later(minutes=61):
        alice.key("later")
        announcing.announce_changes()
        tell()
    assert len(mail.outbox) == mails.MOST_ABOUT_KEYS + 1


def test_a_hostile_name_stays_a_name_in_the_mail(alice: House) -> None:
    alice.key("<b>x</b> %(who)s")
    announcing.announce_changes()
    tell()
    (sent,) = mail.outbox
    assert "<b>x</b> %(who)s" in sent.subject and "<b>x</b> %(who)s" in sent.body
    assert "<b>x" not in sent.alternatives[0][0]


def test_other_changes_are_not_told(alice: House) -> None:
    alice.member("Bob", Role.VIEWER)
    announcing.announce_changes()
    assert told() == []


def test_the_position_moves_behind_what_is_old_and_no_further(alice: House) -> None:
    alice.key("one")
    announcing.announce_changes()
    assert not AuditPosition.objects.filter(entry_id__gte=AuditEntry.objects.latest("pk").pk).exists()
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        announcing.announce_changes()
        assert AuditPosition.objects.get().entry_id == AuditEntry.objects.latest("pk").pk
        alice.key("two")
        announcing.announce_changes()
    assert told() == [("key.created", "one"), ("key.created", "two")]


def test_more_than_fit_into_one_look_are_told_by_the_next(alice: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "_MOST", 2)
    for _ in range(5):
        alice.key(f"key {next(_numbers)}")
    # At once, not when the first ones have become old.
    assert [announcing.announce_changes() for _ in range(4)] == [2, 2, 1, 0]
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert announcing.announce_changes() == 0
    assert len(told()) == 5


@pytest.mark.usefixtures("own_database")
def test_several_processes_tell_each_change_once() -> None:
    made = house("Alice")
    for number in range(20):
        made.key(f"key {number}")
    workers.processes([announcing.announce_changes] * 4)
    assert len([one for one in told() if one[0] == "key.created"]) == 20


def _spend(house: House, left: int) -> None:
    """So much credit is left, of one dollar; this month's of the plan is over."""
    balances.balance(house.organization.pk)
    CreditGrant.objects.filter(organization=house.organization).update(expires_at=timezone.now())
    grant = grants.give(house.organization, NANO)
    CreditGrant.objects.filter(pk=grant.pk).update(burned=NANO - left)


def test_little_credit_is_told_once_until_there_is_more(alice: House) -> None:
    _spend(alice, NANO // 10)
    assert low_balance.watch_balances() == 0
    _spend(alice, NANO // 10 - 1)
    assert low_balance.watch_balances() == 1
    assert low_balance.watch_balances() == 0
    message = OutboxMessage.objects.get(type="balance.low")
    assert (message.payload["posted"], message.payload["threshold"]) == ("0.099999999", "0.10")
    tell()
    assert [one.subject for one in mail.outbox] == ["Little credit is left: $0.1000"]
    grants.give(alice.organization, NANO)
    assert low_balance.watch_balances() == 0
    assert not LowBalance.objects.exists()
    _spend(alice, 1)
    assert low_balance.watch_balances() == 1


def test_credit_that_ended_is_told(alice: House) -> None:
    CreditGrant.objects.filter(organization=alice.organization).update(expires_at=timezone.now())
    grants.give(alice.organization, NANO, expires_at=timezone.now() + timedelta(hours=1))
    assert low_balance.watch_balances() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        found = low_balance.watch_balances()
        again = low_balance.watch_balances()
    # The plan's credit of the month is given when somebody looks.
    assert (found, again) in {(1, 0), (0, 0)}
    assert found == OutboxMessage.objects.filter(type="balance.low").count()


def test_an_organization_that_never_had_credit_is_not_bothered(db: None) -> None:
    made = house("Bob")
    CreditGrant.objects.filter(organization=made.organization).delete()
    assert low_balance.watch_balances() == 0


@pytest.mark.usefixtures("own_database")
def test_several_processes_tell_low_credit_once() -> None:
    made = house("Alice")
    _spend(made, 1)
    assert sum(workers.processes([low_balance.watch_balances] * 4)) == 1
    assert OutboxMessage.objects.filter(type="balance.low").count() == 1
