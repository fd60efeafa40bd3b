"""The fixtures that give a test a database of its own."""

import threading

import pytest
from django.db import connections

from accounts.models import User
from catalog.models import LanguageModel

pytestmark = pytest.mark.database


@pytest.mark.parametrize("time", [1, 2])
def test_every_test_has_a_fresh_and_seeded_database(own_database, time):
    assert LanguageModel.objects.filter(name="deepseek-chat").exists()
    assert not User.objects.exists()
    User.objects.create_user("alice@example.com")


def test_other_threads_see_what_was_committed(own_database):
    User.objects.create_user("alice@example.com")
    seen = []

    def look():
        seen.append(User.objects.count())
        connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(10)
    assert seen == [1]


@pytest.mark.django_db
def test_djangos_own_test_database_is_left_alone():
    assert not User.objects.exists()
