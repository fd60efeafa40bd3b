"""Two owners who leave at the same moment: one of them stays."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts import members
from accounts.actor import Actor
from accounts.models import Membership
from accounts.roles import Role
from tests.people import house

pytestmark = pytest.mark.database


@pytest.mark.parametrize("attempt", range(3))
def test_one_owner_stays(own_database: str, attempt: int) -> None:
    alice = house("Alice")
    alice.member("Bob", Role.OWNER)
    owners = list(Membership.objects.select_related("user"))
    start = Barrier(len(owners))

    def leave(owner: Membership) -> bool:
        try:
            start.wait(10)
            members.leave(owner, Actor(owner.user))
        except members.LastOwner:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        left = sorted(pool.map(leave, owners))
    assert left == [False, True]
    assert Membership.objects.get().role == Role.OWNER
