"""Overview, Usage and Keys ask the database as often for much usage as for little."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import limits
from billing.limits import Terms
from tests.dashboard.metered import logged_in, record, request_of
from tests.people import house

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("noon")]
ADDRESSES = (
    "/",
    "/usage/",
    "/usage/?by=key",
    "/usage/?by=project",
    "/usage/?by=day&period=90d",
    "/usage/?period=today",
    "/usage/?model=deepseek-chat",
    "/keys/",
    "/keys/?size=100",
)


def use(alice, keys, requests):
    """So many more keys, each with so many requests of the last weeks."""
    now = timezone.now()
    for number in range(keys):
        key, _ = alice.key(f"key {keys} {number}")
        limits.set_limit(key, Terms("requests", 1, "month"))
        hours = [timedelta(hours=1 + 31 * one) for one in range(requests)]
        record(*(request_of(key, now - ago, model=f"model-{one % 3}") for one, ago in enumerate(hours)))


def test_the_number_of_queries_is_fixed():
    alice = house()
    browser = logged_in(alice.owner)

    def counts():
        found = {}
        for address in ADDRESSES:
            # The first answer fills what is remembered.
            browser.get(address)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert browser.get(address).status_code == 200
            found[address] = len(queries)
        return found

    use(alice, 3, 4)
    few = counts()
    use(alice, 30, 12)
    assert counts() == few
