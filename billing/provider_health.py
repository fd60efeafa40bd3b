"""Which providers fail, as the gateway saw it, and one message to each customer when one goes down or comes back.

Down is a provider that failed five times in a row without an answer in between, on any process. It is up again with
its first answer.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing.models import EventType, Hold, OutboxMessage, ProviderHealth
from billing.terms import ProviderTries
from catalog.models import Provider, Route
from foundation.ids import public_id
from foundation.periods import iso

IN_A_ROW = 5
# Who asked one of its models in this time is told.
_LATELY = timedelta(days=1)


def record(tries: Iterable[ProviderTries]) -> None:
    """Add what a process saw. A provider that was removed meanwhile is passed over."""
    news = {one.provider_id: one for one in tries}
    known = set(Provider.objects.filter(pk__in=news).values_list("pk", flat=True))
    rows = [ProviderHealth(provider_id=pk) for pk in sorted(known)]
    ProviderHealth.objects.bulk_create(rows, ignore_conflicts=True)
    # In one order, so that processes cannot deadlock.
    for pk in sorted(known):
        _add(news[pk])


def _add(one: ProviderTries) -> None:
    row = ProviderHealth.objects.filter(provider_id=one.provider_id)
    if one.answered_at is not None:
        row.update(answered_at=one.answered_at, failed_in_a_row=one.failed, failing_since=one.failing_since)
    elif one.failed:
        row.filter(failing_since=None).update(failing_since=one.failing_since)
        row.update(failed_in_a_row=F("failed_in_a_row") + one.failed)
    if one.failed_at is not None:
        row.update(failed_at=one.failed_at, failure=one.failure)


def watch_providers(now: datetime | None = None) -> int:
    """Tell of outages that began or ended; how many this call told. Any process may run it: each is told once."""
    now = now or timezone.now()
    served = ProviderHealth.objects.select_related("provider").filter(provider__enabled=True)
    fallen = served.filter(down_since=None, failed_in_a_row__gte=IN_A_ROW)
    risen = ProviderHealth.objects.select_related("provider").filter(down_since__isnull=False, failed_in_a_row=0)
    return sum(_goes_down(one, now) for one in fallen) + sum(_comes_back(one, now) for one in risen)


def _goes_down(health: ProviderHealth, now: datetime) -> bool:
    since = health.failing_since or now
    with transaction.atomic():
        claimed = ProviderHealth.objects.filter(pk=health.pk, down_since=None, failed_in_a_row__gte=IN_A_ROW)
        if not claimed.update(down_since=since):
            return False
        _tell(health.provider, EventType.PROVIDER_DOWN, now, {"since": iso(since)})
    return True


def _comes_back(health: ProviderHealth, now: datetime) -> bool:
    with transaction.atomic():
        claimed = ProviderHealth.objects.filter(pk=health.pk, down_since=health.down_since, failed_in_a_row=0)
        if not claimed.update(down_since=None):
            return False
        began = iso(health.down_since) if health.down_since else None
        ended = iso(health.answered_at or now)
        _tell(health.provider, EventType.PROVIDER_UP, now, {"since": began, "until": ended})
    return True


def models_of(provider: Provider) -> list[str]:
    """Public names of the models that it serves."""
    routes = Route.objects.filter(provider=provider, enabled=True, model__retired_at=None)
    return sorted(routes.values_list("model__name", flat=True))


def without_another(provider: Provider) -> list[str]:
    """Those of its models that no other provider serves which is not down."""
    others = Route.objects.filter(enabled=True, provider__enabled=True, provider__health__down_since=None)
    covered = set(others.exclude(provider=provider).values_list("model__name", flat=True))
    return [name for name in models_of(provider) if name not in covered]


def _tell(provider: Provider, type_: str, now: datetime, when: dict[str, str | None]) -> None:
    """A message to every organization that asked one of its models lately; who the provider is stays the operator's."""
    models = models_of(provider)
    recent = Hold.objects.filter(admitted_at__gt=now - _LATELY, model__in=models).order_by()
    payload = {
        "object": "provider_outage",
        "id": f"provider_{provider.pk}",
        "models": models,
        "models_without_provider": without_another(provider) if type_ == EventType.PROVIDER_DOWN else [],
        "since": when["since"],
        "until": when.get("until"),
    }
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            public_id=public_id("msg"), organization_id=organization_id, type=type_, payload=payload, created_at=now
        )
        for organization_id in recent.values_list("organization_id", flat=True).distinct()
    )
