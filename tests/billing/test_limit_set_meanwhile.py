"""A limit that is set while usage is being recorded counts it."""

import threading

import pytest
from django.db import connection

from billing import grants, limits
from billing.ingestion import recording
from billing.limits import Terms
from billing.models import SpendingWindow
from foundation.money import NANO
from tests.billing.reporter import COST, price_the_past, report, statuses, usage, void
from tests.people import House, house

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("noon")]


def settled() -> list[int]:
    return list(SpendingWindow.objects.values_list("settled", flat=True))


def test_usage_that_is_being_recorded_counts_in_a_limit_that_comes_meanwhile(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = house()
    price_the_past()
    grants.give(alice.organization, NANO)
    setting = threading.Thread(target=_set_limit, args=[alice])
    write = recording._write

    def written_slowly(*given: object) -> None:
        write(*given)  # type: ignore[arg-type]
        setting.start()
        # It waits for this batch, or is through before the batch can be seen.
        setting.join(1)

    with monkeypatch.context() as slow:
        slow.setattr(recording, "_write", written_slowly)
        report(alice, usage(id="e"))
    setting.join(30)
    assert not setting.is_alive()
    assert settled() == [COST]
    assert statuses(report(alice, void("e"))) == ["accepted"]
    assert settled() == [0]


def _set_limit(alice: House) -> None:
    try:
        limits.set_limit(alice.organization, Terms("usd", NANO, "month"), alice.actor)
    finally:
        connection.close()
