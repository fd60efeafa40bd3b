"""Who still uses the old secret of a key while both work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from tests.dashboard.metered import record, request_of
from tests.people import House, house
from usage import secret_use

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def alice() -> House:
    return house()


@pytest.fixture
def key(alice: House) -> ApiKey:
    """A key with an old secret that works for another day."""
    made, _ = alice.key()
    return keys.regenerate(made, alice.actor, grace=timedelta(hours=24)).api_key


def test_requests_with_the_old_secret_since_there_is_a_new_one(alice: House, key: ApiKey) -> None:
    now = timezone.now()
    old, new = key.retiring_secret(), key.current_secret()
    assert old and new
    other, _ = alice.key("another")
    record(
        request_of(key, now - HOUR, secret_id=old.pk),
        request_of(key, now + timedelta(seconds=1), secret_id=old.pk),
        request_of(key, now + timedelta(seconds=2), secret_id=old.pk),
        request_of(key, now + timedelta(seconds=3), secret_id=new.pk),
        request_of(other, now + timedelta(seconds=4), secret_id=old.pk + 1000),
    )
    found = secret_use.of_old_secret(key)
    assert found and (found.requests, found.last, found.address) == (2, now + timedelta(seconds=2), "")


def test_a_call_that_is_not_metered_counts_as_use_and_says_where_from(key: ApiKey) -> None:
    old = key.retiring_secret()
    assert old
    keys.note_uses({old.pk: "2001:db8::1"})
    found = secret_use.of_old_secret(ApiKey.objects.get(pk=key.pk))
    assert found and found.requests == 0 and found.last and found.address == "2001:db8::1"


def test_use_before_there_was_a_new_one_says_nothing(alice: House) -> None:
    made, _ = alice.key()
    secret = made.current_secret()
    assert secret
    keys.note_uses({secret.pk: "203.0.113.7"})
    rotated = keys.regenerate(made, alice.actor, grace=HOUR).api_key
    found = secret_use.of_old_secret(rotated)
    assert found and (found.requests, found.last, found.address) == (0, None, "")


def test_there_is_nothing_to_say_without_an_old_secret(alice: House) -> None:
    made, _ = alice.key()
    assert secret_use.of_old_secret(made) is None
    assert secret_use.of_old_secret(keys.regenerate(made, alice.actor).api_key) is None


def test_a_use_is_written_once_a_minute_or_when_it_comes_from_elsewhere(key: ApiKey) -> None:
    old = key.retiring_secret()
    assert old
    keys.note_uses({old.pk: "203.0.113.7"})
    old.refresh_from_db()
    first = old.last_used_at
    keys.note_uses({old.pk: "203.0.113.7"})
    old.refresh_from_db()
    assert old.last_used_at == first
    keys.note_uses({old.pk: "203.0.113.8"})
    old.refresh_from_db()
    assert old.last_address == "203.0.113.8" and old.last_used_at != first
