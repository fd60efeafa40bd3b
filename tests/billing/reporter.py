"""Usage that is reported from elsewhere: events as a reporter sends them, and the verb."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from billing.ingestion import event
from billing.ingestion.attribution import Reporter
from billing.ingestion.event import Rejected, Reported
from billing.ingestion.recording import Result, ingest
from catalog.models import Price
from foundation.periods import iso
from tests.people import House

_numbers = itertools.count()
# What `usage` costs at deepseek-chat's prices: 100 of input at 0.27, 28 cached at 0.07, 50 of output at 1.10.
COST = 100 * 270 + 28 * 70 + 50 * 1100


def price_the_past() -> None:
    """Give the seeded prices to the last hundred days too."""
    Price.objects.update(effective_from=timezone.now() - timedelta(days=100))


def cloud_event(
    kind: str = event.USAGE, *, id: str | None = None, at: datetime | None = None, **data: Any
) -> dict[str, Any]:
    """A CloudEvent from `/proxy`; of usage unless said otherwise."""
    return {
        "specversion": "1.0",
        "id": id or f"e{next(_numbers)}",
        "source": "/proxy",
        "type": kind,
        "time": iso(at or timezone.now()),
        "data": data,
    }


def usage(*, id: str | None = None, at: datetime | None = None, **over: Any) -> dict[str, Any]:
    """100 tokens of input, 28 more from the cache, 50 of output: costs COST."""
    data = {"model": "deepseek-chat", "input_tokens": 128, "cached_input_tokens": 28, "output_tokens": 50, **over}
    return cloud_event(id=id, at=at, **data)


def void(of: str, **over: Any) -> dict[str, Any]:
    """It did not happen."""
    return cloud_event(event.VOID, event_id=of, **over)


def amend(of: str, input_tokens: int, output_tokens: int, **over: Any) -> dict[str, Any]:
    """It was other tokens."""
    return cloud_event(event.AMEND, event_id=of, input_tokens=input_tokens, output_tokens=output_tokens, **over)


def read(value: Any) -> Reported | Rejected:
    """As the doors read what is sent."""
    try:
        return event.read(value)
    except Rejected as error:
        return error


def report(house: House, *sent: Any, **options: Any) -> list[Result]:
    """Ingest as the owner, into the default project's key for imported usage unless the events name another."""
    reporter = options.pop("reporter", None) or reporter_of(house)
    return ingest(house.organization, [read(one) for one in sent], reporter, **options)


def reporter_of(house: House) -> Reporter:
    """A reporter whose usage goes to a key named `elsewhere`."""
    found = house.project.api_keys.filter(name="elsewhere").first() or house.key("elsewhere", scopes=("ingest",))[0]
    return Reporter(house.project, house.actor, sent_by=found)


def statuses(results: list[Result]) -> list[str]:
    """Only what became of each."""
    return [result.status for result in results]
