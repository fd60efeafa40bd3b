"""The past of the demo organization: every table tells the same story."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import F, Sum

from accounts.models import ApiKey, Organization
from accounts.roles import Role
from billing import demo_history, demo_organization, demo_traffic, opening, rating
from billing.models import Account, CreditGrant, Hold, LedgerEntry
from foundation import periods
from foundation.money import UnitPrices
from usage import reports
from usage.counts import TokenCounts
from usage.models import PendingRollup, UsageEvent, UsageRollup

# Two weeks over the end of October: the clock of Europe/Berlin changes, and the month.
NOW = datetime(2026, 11, 5, 10, 30, tzinfo=UTC)
DAYS = 14
pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker):
    """Made once for this file, and rolled back after it."""
    with (
        pytest.MonkeyPatch.context() as patched,
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
    ):
        patched.setattr(demo_traffic, "_QUIET_DAY", 3)
        opening.seed_if_empty()
        assert demo_history.make("long enough word", lambda done, total: None, NOW, DAYS) > 2000
        yield Organization.objects.get(name=demo_organization.NAME)
        transaction.set_rollback(True)


def totals(rows):
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "charge")
    found = rows.aggregate(**{name: Sum(name) for name in names})
    return tuple(found[name] for name in names)


def test_every_table_tells_the_same_story(demo):
    events = UsageEvent.objects.filter(organization=demo)
    assert not PendingRollup.objects.exists()
    assert totals(events) == totals(UsageRollup.objects.filter(organization=demo))
    assert events.count() == UsageRollup.objects.aggregate(all=Sum("requests"))["all"]
    in_buckets = Counter()
    for event in events:
        bucket = periods.bucket_start(event.occurred_at)
        in_buckets[bucket, event.project_id, event.api_key_id, event.model] += event.charge
    rows = UsageRollup.objects.filter(organization=demo)
    assert in_buckets == {(row.bucket, row.project_id, row.api_key_id, row.model): row.charge for row in rows}


def test_every_charge_follows_from_its_pinned_prices(demo):
    for event in UsageEvent.objects.filter(organization=demo):
        counts = TokenCounts(event.input_tokens, event.cached_input_tokens, event.output_tokens)
        prices = UnitPrices(event.input_price, event.cached_input_price, event.output_price)
        assert (event.charge, event.overrun) == (rating.charge(counts, prices), 0)


def test_ledger_and_grants_agree(demo):
    entries = LedgerEntry.objects.filter(organization=demo)
    assert not entries.values("transaction").annotate(sum=Sum("amount")).exclude(sum=0).exists()
    charged = UsageEvent.objects.filter(organization=demo).aggregate(sum=Sum("charge"))["sum"]
    by_account = dict(entries.values_list("account").annotate(Sum("amount")))
    assert by_account[Account.REVENUE] == charged
    grants = CreditGrant.objects.filter(organization=demo)
    assert grants.aggregate(sum=Sum("burned"))["sum"] == charged
    assert not grants.exclude(held=0).exists()
    for grant in grants:
        left = entries.filter(account=Account.CREDIT, grant_id=grant.pk).aggregate(sum=Sum("amount"))["sum"]
        assert left == grant.amount - grant.burned >= 0
        burned_at = entries.filter(account=Account.CREDIT, grant_id=grant.pk, event_id__isnull=False)
        assert not burned_at.filter(at__lt=grant.starts_at).exists()
        assert grant.expires_at is None or not burned_at.filter(at__gte=grant.expires_at).exists()
    assert by_account[Account.CREDIT] == sum(grant.amount - grant.burned for grant in grants)


def test_a_charge_is_burned_from_every_grant_in_turn(demo):
    sources = set(CreditGrant.objects.filter(organization=demo, burned__gt=0).values_list("source", flat=True))
    assert sources == {"plan:pro:2026-10", "plan:pro:2026-11"}


def test_one_settled_hold_for_every_event(demo):
    holds = Hold.objects.filter(organization=demo)
    assert set(holds.values_list("state", flat=True)) == {"settled"}
    events = UsageEvent.objects.filter(organization=demo)
    assert set(holds.values_list("id", flat=True)) == set(events.values_list("id", flat=True))
    amounts = dict(holds.values_list("id", "amount"))
    assert all(event.charge <= amounts[event.pk] for event in events)


def test_ids_are_ordered_by_time(demo):
    rows = UsageEvent.objects.filter(organization=demo).order_by("id").values_list("occurred_at", flat=True)
    assert list(rows) == sorted(rows)


def test_nothing_happens_outside_its_time(demo):
    events = UsageEvent.objects.filter(organization=demo)
    assert not events.filter(occurred_at__gte=NOW).exists()
    assert not events.filter(occurred_at__lt=demo.created_at).exists()
    assert not events.filter(occurred_at__lt=F("api_key__created_at")).exists()
    assert not events.filter(occurred_at__gt=F("api_key__revoked_at")).exists()


def test_it_has_a_quiet_day_a_rhythm_and_stopped_answers(demo):
    zone = ZoneInfo(demo_organization.ZONE)
    today = periods.day_of(NOW, zone)
    edges = reports.day_edges(today - timedelta(days=DAYS - 1), today, zone)
    days = reports.series(reports.Filter(demo.pk, edges[0], edges[-1]), edges)
    requests = [day[None].requests if day else 0 for day in days]
    assert [number for number, total in enumerate(requests) if total == 0] == [DAYS - 1 - 3]
    hours = Counter(at.astimezone(zone).hour for at in UsageEvent.objects.values_list("occurred_at", flat=True))
    assert hours[20] > 2 * hours[5]
    stopped = UsageEvent.objects.filter(finish_reason="client_closed")
    assert 0 < stopped.count() < 100 and set(stopped.values_list("usage_source", "status")) == {("partial", 499)}


def test_people_have_their_roles_and_no_secret_is_kept(demo):
    roles = dict(demo.memberships.values_list("user__email", "role"))
    assert roles[demo_organization.OWNER] == Role.OWNER
    assert set(roles.values()) == set(Role.values)
    assert authenticate(email="lena@northwind.example", password="long enough word")
    assert not ApiKey.objects.filter(organization=demo).exclude(secrets__sealed="").filter(secrets__pk__gt=0).exists()
