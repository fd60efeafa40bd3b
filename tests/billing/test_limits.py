from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import ApiKey, AuditEntry
from billing import limits, windows
from billing.limits import Terms
from billing.models import Alert, OutboxMessage, RefusalCount, SpendingLimit, SpendingWindow
from billing.terms import Admission
from catalog.models import Price
from foundation import periods
from foundation.money import NANO
from tests.billing.desk import admit, admitted, ask, outcome, refused, serve_all_models, settle
from tests.people import house
from usage.counts import TokenCounts

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("noon")]
# What one request of tests.billing.desk.ask holds and costs when its 50 tokens are used.
ONE = 57_700


@pytest.fixture
def alice():
    made = house(rpm=10_000_000)
    serve_all_models()
    return made


def usd(amount, window="month", **more):
    return Terms("usd", amount, window, **more)


def the_window():
    return SpendingWindow.objects.get()


@pytest.mark.parametrize("on", ["organization", "project", "key"])
@pytest.mark.parametrize(
    "terms", [usd(10 * ONE), Terms("requests", 10, "day"), Terms("tokens", 10 * 60, "week"), usd(10 * ONE, "lifetime")]
)
def test_two_hundred_at_once_on_room_for_ten_is_exactly_ten(alice, on, terms):
    key, secret = alice.key()
    subject = {"organization": alice.organization, "project": alice.project, "key": key}[on]
    limits.set_limit(subject, terms)
    asked = ask(key, secret, input_bound=10)
    answers = admit(*[asked] * 200)
    made = [answer for answer in answers if isinstance(answer, Admission)]
    assert len(made) == 10
    assert answers[-1].kind == "insufficient_quota"
    settle(*[outcome(admission) for admission in made])
    window = the_window()
    assert (window.settled, window.held) == (terms.amount, 0)
    refusal = refused(asked)
    assert refusal.limit["scope"] == on
    assert refusal.limit["used"] == refusal.limit["limit"] == windows.said(terms.measure, terms.amount)
    assert (refusal.limit["resets_at"] is None) == (terms.window == "lifetime")
    # One row a minute: they may lie on both sides of its end.
    assert sum(RefusalCount.objects.values_list("count", flat=True)) == 191


@pytest.mark.parametrize(
    "terms", [Terms("requests", 3, "day"), Terms("tokens", 3 * 60, "day"), usd(3 * ONE), Terms("requests", 0, "day")]
)
def test_a_limit_without_room_refuses_also_where_no_maximum_is_named(alice, terms):
    key, secret = alice.key()
    limits.set_limit(key, Terms("tokens", 10**6, "week"))
    limits.set_limit(key, terms)
    asked = ask(key, secret, max_tokens=None, input_bound=10)
    for _ in range(4):
        [answer] = admit(asked)
        if isinstance(answer, Admission):
            settle(outcome(answer, TokenCounts(10, 0, min(50, answer.output_cap))))
    refusal = refused(asked)
    assert refusal.limit["scope"] == "key"
    assert refusal.limit["name"].startswith(("daily", "monthly"))


def test_what_is_not_used_is_given_back(alice):
    key, secret = alice.key()
    limits.set_limit(key, Terms("requests", 2, "day"))
    limits.set_limit(key, Terms("tokens", 1000, "day"))
    limits.set_limit(key, usd(NANO))
    first, second = admit(ask(key, secret), ask(key, secret))
    settle(outcome(first, None), outcome(second, TokenCounts(5, 3, 2)))
    used = {window.limit.measure: (window.settled, window.held) for window in SpendingWindow.objects.all()}
    charge = 5 * 270 + 3 * 70 + 2 * 1100
    assert used == {"requests": (1, 0), "tokens": (10, 0), "usd": (charge, 0)}


def test_the_first_of_key_project_organization_refuses(alice):
    key, secret = alice.key()
    limits.set_limit(alice.organization, usd(0, "day"))
    assert refused(ask(key, secret)).limit["scope"] == "organization"
    limits.set_limit(alice.project, Terms("requests", 0, "day"))
    assert refused(ask(key, secret)).limit["scope"] == "project"
    limits.set_limit(key, Terms("tokens", 0, "day"))
    refusal = refused(ask(key, secret))
    assert refusal.limit["scope"] == "key"
    assert "daily token limit" in refusal.message
    assert not SpendingWindow.objects.exclude(held=0).exists()


def test_the_output_is_cut_to_what_fits_only_where_the_client_named_none(alice):
    key, secret = alice.key()
    limits.set_limit(key, usd(ONE))
    assert refused(ask(key, secret, max_tokens=51)).kind == "insufficient_quota"
    made = admitted(ask(key, secret, max_tokens=None))
    assert (made.output_cap, made.output_lowered) == (50, True)
    settle(outcome(made, None))
    limits.set_limit(key, Terms("tokens", 37, "day"))
    assert admitted(ask(key, secret, max_tokens=None, input_bound=10)).output_cap == 27
    message = refused(ask(key, secret, max_tokens=None, input_bound=10)).message
    assert "at least 11 tokens" in message


def test_a_soft_limit_refuses_nothing_and_counts(alice):
    key, secret = alice.key()
    limits.set_limit(key, usd(ONE, is_hard=False))
    made = [admitted(ask(key, secret)) for _ in range(3)]
    settle(*[outcome(one) for one in made])
    assert the_window().settled == 3 * ONE
    assert list(Alert.objects.order_by("threshold").values_list("threshold", flat=True)) == [50, 80, 100]


def test_alerts_fire_once_a_window_and_version(alice):
    key, secret = alice.key()
    limit = limits.set_limit(key, usd(4 * ONE))
    fired = []
    for _ in range(4):
        settle(outcome(admitted(ask(key, secret))))
        fired.append(sorted(Alert.objects.values_list("threshold", flat=True)))
    assert fired == [[], [50], [50], [50, 80, 100]]
    refused(ask(key, secret))
    assert Alert.objects.count() == OutboxMessage.objects.count() == 3
    limits.set_limit(key, usd(5 * ONE))
    # 4 of 5 is 80 %: a changed limit tells again.
    assert sorted(Alert.objects.filter(limit_version=2).values_list("threshold", flat=True)) == [50, 80]
    told = OutboxMessage.objects.latest("id")
    assert told.type == "limit.threshold_reached"
    assert told.payload["limit_id"] == limit.public_id
    assert told.payload["used"] == "0.0002308"


def test_the_full_alert_fires_on_the_first_refusal(alice):
    key, secret = alice.key()
    limits.set_limit(key, usd(ONE + 1))
    made = admitted(ask(key, secret))
    refused(ask(key, secret))
    refused(ask(key, secret))
    alert = Alert.objects.get()
    assert (alert.threshold, alert.reason, alert.settled, alert.held) == (100, "refusal", 0, ONE)
    assert OutboxMessage.objects.get().type == "limit.reached"
    settle(outcome(made))
    assert sorted(Alert.objects.values_list("threshold", flat=True)) == [50, 80, 100]


def test_a_limit_counts_what_was_used_before_it_was_set(alice):
    key, secret = alice.key()
    other, other_secret = alice.key("other")
    settle(outcome(admitted(ask(key, secret))), outcome(admitted(ask(other, other_secret))))
    limits.set_limit(key, usd(2 * ONE))
    assert Alert.objects.get().threshold == 50
    limits.set_limit(alice.organization, usd(10 * ONE, "lifetime"))
    assert [window.settled for window in SpendingWindow.objects.order_by("id")] == [ONE, 2 * ONE]
    admitted(ask(key, secret))
    assert refused(ask(key, secret)).limit["scope"] == "key"


def test_a_limit_lowered_under_what_is_used_refuses_and_never_goes_negative(alice):
    key, secret = alice.key()
    limit = limits.set_limit(key, usd(10 * ONE))
    made = [admitted(ask(key, secret)) for _ in range(5)]
    limits.set_limit(key, usd(ONE))
    refusal = refused(ask(key, secret))
    assert (refusal.limit["used"], refusal.limit["limit"]) == ("0.0002885", "0.0000577")
    settle(*[outcome(one) for one in made])
    assert the_window().settled == 5 * ONE
    limits.set_limit(key, usd(6 * ONE))
    admitted(ask(key, secret))
    assert SpendingLimit.objects.get().version == 3
    limits.remove(limit)
    for _ in range(3):
        admitted(ask(key, secret))
    assert AuditEntry.objects.filter(action="limit.set").count() == 3
    assert AuditEntry.objects.filter(action="limit.removed").count() == 1


@pytest.mark.parametrize("named", [50, None])
def test_a_limit_lowered_under_what_is_used_refuses_also_what_costs_nothing(alice, named):
    key, secret = alice.key()
    limits.set_limit(key, usd(10 * ONE))
    settle(outcome(admitted(ask(key, secret))))
    limits.set_limit(key, usd(ONE - 1))
    Price.objects.update(unit_price=0)
    assert refused(ask(key, secret, max_tokens=named)).limit["scope"] == "key"
    limits.set_limit(key, usd(ONE))
    assert admitted(ask(key, secret, max_tokens=named)).amount == 0


def test_the_database_refuses_an_overshot_window(alice):
    key, secret = alice.key()
    limits.set_limit(key, usd(ONE))
    admitted(ask(key, secret))
    with pytest.raises(IntegrityError), transaction.atomic():
        SpendingWindow.objects.update(held=ONE + 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        SpendingWindow.objects.update(settled=-1)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia"])
@pytest.mark.parametrize("window", ["day", "week", "month"])
def test_windows_follow_the_organizations_calendar(alice, zone, window):
    alice.organization.time_zone = zone
    alice.organization.save()
    key, secret = alice.key()
    limits.set_limit(key, Terms("requests", 1, window))
    opened = the_window()
    local = opened.starts_at.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (0, 0)
    assert window != "week" or local.weekday() == 0
    assert window != "month" or local.day == 1
    admitted(ask(key, secret))
    refused(ask(key, secret))
    with time_machine.travel(opened.ends_at - timedelta(seconds=1), tick=False):
        refused(ask(key, secret))
    with time_machine.travel(opened.ends_at, tick=False):
        later = admitted(ask(key, secret))
        settle(outcome(later))
    assert list(SpendingWindow.objects.order_by("id").values_list("held", "settled")) == [(1, 0), (0, 1)]


def test_a_request_belongs_to_the_window_that_admitted_it(alice):
    key, secret = alice.key()
    limits.set_limit(key, usd(NANO, "day"))
    made = admitted(ask(key, secret))
    with time_machine.travel(the_window().ends_at + timedelta(minutes=1), tick=False):
        settle(outcome(made))
        admitted(ask(key, secret))
    assert list(SpendingWindow.objects.order_by("id").values_list("settled", "held")) == [(ONE, 0), (0, ONE)]


def test_moving_to_another_zone_opens_no_second_window_for_the_same_time(alice):
    key, secret = alice.key()
    with time_machine.travel(datetime(2031, 6, 10, 12, tzinfo=UTC), tick=False):
        limits.set_limit(key, Terms("requests", 1, "day"))
        admitted(ask(key, secret))
        alice.organization.time_zone = "Asia/Tokyo"
        alice.organization.save()
    with time_machine.travel(datetime(2031, 6, 10, 16, tzinfo=UTC), tick=False):
        # Tokyo's next day has begun, the window of the old zone has not ended.
        refused(ask(key, secret))
    with time_machine.travel(datetime(2031, 6, 11, 1, tzinfo=UTC), tick=False):
        admitted(ask(key, secret))
    first, second = SpendingWindow.objects.order_by("id")
    assert first.ends_at == second.starts_at
    assert second.ends_at == datetime(2031, 6, 11, 15, tzinfo=UTC)


def test_two_processes_open_one_window(alice):
    key, _ = alice.key()
    limit = limits.set_limit(key, usd(NANO, "day"))
    for _ in range(2):
        windows.open_window(limit.pk, ZoneInfo("UTC"), datetime(2030, 1, 1, tzinfo=UTC))
    assert limit.windows.filter(starts_at__year=2030).count() == 1


@pytest.mark.parametrize(
    "terms",
    [
        Terms("usd", -1, "day"),
        Terms("usd", 1.5, "day"),
        Terms("usd", True, "day"),
        Terms("usd", 2**63, "day"),
        Terms("euro", 1, "day"),
        Terms("usd", 1, "hour"),
        Terms("usd", 1, "day", thresholds=(0,)),
        Terms("usd", 1, "day", thresholds=tuple(range(1, 13))),
    ],
)
def test_what_cannot_be_a_limit_is_refused(alice, terms):
    with pytest.raises(ValidationError):
        limits.set_limit(alice.organization, terms)
    assert not SpendingLimit.objects.exists()


def test_status_shows_a_window_that_nobody_opened_yet(alice):
    limit = limits.set_limit(alice.organization, usd(NANO, "day"))
    now = datetime(2031, 5, 5, 5, tzinfo=UTC)
    [status] = limits.status([limit], now)
    assert (status.settled, status.held, status.left) == (0, 0, NANO)
    assert (status.starts_at, status.resets_at) == periods.bounds("day", now, ZoneInfo("UTC"))


def test_a_limit_on_another_organizations_key_changes_nothing_here(alice):
    bob = house("Bob", rpm=10_000_000)
    key, secret = alice.key()
    limits.set_limit(bob.key()[0], usd(0))
    limits.set_limit(bob.organization, usd(0))
    admitted(ask(key, secret))
    assert ApiKey.objects.count() >= 2
