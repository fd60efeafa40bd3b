"""A link that is used by two requests at the same moment lets one in."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import invitations
from accounts.models import Membership, User
from accounts.roles import Role
from tests.people import PASSWORD, house

pytestmark = pytest.mark.database


def test_one_account_is_opened(own_database: str) -> None:
    alice = house("Alice")
    made = invitations.invite(alice.organization, "bob@example.com", Role.DEVELOPER, alice.actor)
    start = Barrier(2)

    def join(number: int) -> bool:
        try:
            start.wait(10)
            invitations.open_account(made.invitation, f"Bob {number}", PASSWORD, "UTC")
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(join, range(2))) == [False, True]
    assert User.objects.filter(email="bob@example.com").count() == 1
    assert Membership.objects.count() == 2
