"""What was recorded before there were spans is in them after the migration."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from tests.billing.reporter import amend, price_the_past, report, usage, void
from tests.billing.test_verify_ledger import busy, differences
from usage import rollups
from usage.models import KeySpan, KeyTotal, PendingRollup, ProjectSpan, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("noon")]


def test_the_migration_fills_them():
    alice = busy()
    price_the_past()
    report(alice, usage(id="a"), usage(id="b"))
    rollups.fold_pending()
    report(alice, amend("a", 10, 10), void("b"), usage(id="c"))
    busy("Bob")
    assert PendingRollup.objects.exists()
    for table in (KeySpan, KeyTotal, ProjectSpan):
        table.objects.all().delete()
    for table in (UsageRollup, PendingRollup):
        table.objects.update(saved=0, saved_pico=0)
    assert differences()
    for name in ("0008_fill_spans", "0009_key_totals"):
        import_module(f"usage.migrations.{name}").fill(None, SimpleNamespace(connection=connection))
    assert differences() == []
    assert not PendingRollup.objects.exists()
    assert UsageRollup.objects.filter(saved__gt=0).exists()
