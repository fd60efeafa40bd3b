"""Requests as settlement records them, and what a page says of them."""

import csv
import html
import io
import itertools
import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.test import Client

from accounts.models import ApiKey, User
from billing.models import Hold
from foundation import periods
from foundation.money import from_usd
from usage.models import PendingRollup, UsageEvent, UsageRollup

_numbers = itertools.count(1)
_DATA = re.compile(r'<script id="([\w-]+)-data" type="application/json">(.*?)</script>', re.DOTALL)


def request_of(
    key: ApiKey,
    at: datetime,
    *,
    model: str = "deepseek-chat",
    charge: int = 217_000,
    tokens: tuple[int, int, int] = (6, 4, 5),
    prices: tuple[int, int, int] = (270_000, 70_000, 1_100_000),
    **over: Any,
) -> UsageEvent:
    """A request that is not saved yet; tokens and prices of input, cached input and output."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "id": number, "organization_id": key.organization_id, "project_id": key.project_id, "api_key": key,
        "request_id": f"req_{number}", "model": model, "occurred_at": at, "duration_ms": 900, "stream": False,
        "status": 200, "finish_reason": "stop", "usage_source": "upstream", "input_tokens": tokens[0],
        "cached_input_tokens": tokens[1], "output_tokens": tokens[2], "input_price": prices[0],
        "cached_input_price": prices[1], "output_price": prices[2], "price_ids": "1,2,3", "charge": charge,
    }  # fmt: skip
    return UsageEvent(**{**fields, **over})


def record(*events: UsageEvent) -> None:
    """Save events with their rollups; every second one is still pending."""
    UsageEvent.objects.bulk_create(events)
    rolled: dict[Any, UsageRollup] = {}
    pending = []
    for number, event in enumerate(events):
        where = {
            "organization_id": event.organization_id,
            "project_id": event.project_id,
            "api_key_id": event.api_key_id,
            "model": event.model,
            "bucket": periods.bucket_start(event.occurred_at),
        }
        if number % 2:
            pending.append(PendingRollup(event_id=event.pk, requests=0, **_nothing(), **where))
            _add(pending[-1], event)
        else:
            row = rolled.setdefault(tuple(where.values()), UsageRollup(requests=0, **_nothing(), **where))
            _add(row, event)
    PendingRollup.objects.bulk_create(pending)
    UsageRollup.objects.bulk_create(rolled.values())


def _nothing() -> dict[str, int]:
    return {"input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "charge": 0}


def _add(row: Any, event: UsageEvent) -> None:
    row.requests += 1
    for name in _nothing():
        setattr(row, name, getattr(row, name) + getattr(event, name))


def logged_in(user: User) -> Client:
    """A browser of this person."""
    client = Client()
    client.force_login(user)
    return client


def chart(text: str) -> dict[str, Any]:
    """The data of the chart on a page."""
    found = _DATA.search(text)
    assert found, "there is no chart on the page"
    return json.loads(html.unescape(found[2]))


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    """The export's rows."""
    response = client.get(f"/usage/export.csv{query}")
    assert response.status_code == 200, response.content
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body, newline="")))


def nano(usd: str) -> int:
    """Exact nano-USD of a decimal text."""
    return from_usd(Decimal(usd))


def admitted(key: ApiKey, number: int, at: datetime) -> None:
    """A request that was let through at this time, as the rate limits count it."""
    Hold.objects.create(
        id=number, organization_id=key.organization_id, project_id=key.project_id, api_key=key,
        request_id=f"req_{number}", model="deepseek-chat", stream=False, state="settled", amount=0, legs="[]",
        input_bound=1, output_cap=1, input_price=0, cached_input_price=0, output_price=0, price_ids="1,2,3",
        admitted_at=at, lease_until=at,
    )  # fmt: skip
