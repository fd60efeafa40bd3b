"""The Billing page is of one moment of the books, whoever books while it is made."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing import grants, ledger
from billing.models import Account, CreditGrant
from dashboard import billing_report
from foundation.money import NANO
from foundation.sql import batch_cursor
from tests.dashboard.people_at_work import browser
from tests.people import house

pytestmark = pytest.mark.database


def test_the_balance_and_the_history_agree_while_others_book(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = house()
    grant = grants.give(alice.organization, NANO)
    assert grant
    read_month = billing_report.month

    def book() -> None:
        try:
            at = connection.ops.adapt_datetimefield_value(timezone.now())
            paid = [ledger.Line(Account.CREDIT, -5, grant.pk), ledger.Line(Account.REVENUE, 5)]
            with transaction.atomic(), batch_cursor() as cursor:
                ledger.insert(cursor, ledger.rows("adjust:1", alice.organization.pk, paid, at))
                CreditGrant.objects.filter(pk=grant.pk).update(burned=5)
        finally:
            connection.close()

    def interrupted(*asked: Any) -> Any:
        thread = threading.Thread(target=book)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        return read_month(*asked)

    client = browser(alice.owner)
    monkeypatch.setattr(billing_report, "month", interrupted)
    before = client.get("/billing/")
    monkeypatch.setattr(billing_report, "month", read_month)
    after = client.get("/billing/")
    posted = [page.context["report_balance"].posted for page in (before, after)]
    assert [page.context["month"].statement.closing for page in (before, after)] == posted
    assert [sum(row.left for row in page.context["grants"]) for page in (before, after)] == posted
    assert posted[0] - posted[1] == 5
