"""Every secret of a key, and who uses it since the last rotation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKeySecret
from tests.dashboard.metered import record, request_of
from tests.people import House, house
from usage import secret_use

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> House:
    return house()


def test_a_key_that_was_never_regenerated_has_one_secret(alice):
    key, _ = alice.key("k")
    record(request_of(key, timezone.now(), secret_id=key.secrets.get().pk))
    found = secret_use.rotation(key)
    assert (found.rotated_at, found.counted_since) == (None, key.created_at)
    assert [one.requests for one in found.secrets] == [1]


def test_requests_since_the_rotation_are_counted_by_secret(alice, django_assert_num_queries):
    key, _ = alice.key("k")
    old = key.secrets.get()
    keys.regenerate(key, alice.actor, grace=timedelta(hours=24))
    new = key.secrets.get(ends_at=None)
    now = timezone.now()
    ApiKeySecret.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=9))
    ApiKeySecret.objects.filter(pk=new.pk).update(created_at=now - timedelta(hours=1))
    keys.note_uses({new.pk: "203.0.113.7"})
    record(
        request_of(key, now - timedelta(hours=3), secret_id=old.pk),
        request_of(key, now - timedelta(minutes=20), secret_id=old.pk),
        request_of(key, now - timedelta(minutes=10), secret_id=old.pk),
        request_of(key, now - timedelta(minutes=5), secret_id=new.pk),
        request_of(key, now - timedelta(minutes=4), secret_id=None),
    )
    with django_assert_num_queries(2):
        found = secret_use.rotation(key, now)
    assert [(one.secret.pk, one.requests) for one in found.secrets] == [(new.pk, 1), (old.pk, 2)]
    assert found.secrets[1].last == now - timedelta(minutes=10)
    assert found.secrets[0].address == "203.0.113.7"
    assert found.rotated_at == found.counted_since == now - timedelta(hours=1)


def test_it_looks_back_a_month(alice):
    key, _ = alice.key("k")
    type(key).objects.filter(pk=key.pk).update(created_at=timezone.now() - timedelta(days=400))
    key.refresh_from_db()
    now = timezone.now()
    record(request_of(key, now - timedelta(days=40), secret_id=key.secrets.get().pk))
    found = secret_use.rotation(key, now)
    assert found.counted_since == now - timedelta(days=31)
    assert [one.requests for one in found.secrets] == [0]
