"""A statement is of one moment of the books, whoever books while it is read."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing import grants, ledger, statement
from billing.models import Account, CreditGrant
from foundation import periods
from foundation.money import NANO
from foundation.sql import batch_cursor
from tests.people import house

pytestmark = pytest.mark.database


def test_it_reads_one_moment_while_others_book(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = house()
    grant = grants.give(alice.organization, NANO)
    assert grant
    read_adjustments = statement._adjustments

    def book() -> None:
        try:
            at = connection.ops.adapt_datetimefield_value(timezone.now())
            paid = [ledger.Line(Account.CREDIT, -5, grant.pk), ledger.Line(Account.REVENUE, 5)]
            entries = ledger.rows("adjust:1", alice.organization.pk, paid, at)
            with transaction.atomic(), batch_cursor() as cursor:
                ledger.insert(cursor, entries)
                CreditGrant.objects.filter(pk=grant.pk).update(burned=5)
        finally:
            connection.close()

    def interrupted(*asked: Any) -> Any:
        thread = threading.Thread(target=book)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        return read_adjustments(*asked)

    today = periods.day_of(timezone.now(), alice.organization.zone)
    week = today - timedelta(days=3), today + timedelta(days=3)
    monkeypatch.setattr(statement, "_adjustments", interrupted)
    before = statement.read(alice.organization, *week)
    assert before.opening == 0
    assert "adjustment" not in [line.kind for line in before.lines]
    monkeypatch.setattr(statement, "_adjustments", read_adjustments)
    after = statement.read(alice.organization, *week)
    assert (after.opening, after.closing) == (0, before.closing - 5)
