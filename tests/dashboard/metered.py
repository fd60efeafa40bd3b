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
from usage import rollups
from usage.models import PendingRollup, UsageEvent
from usage.savings import saving

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
    """Save events as settlement does; every second one is still pending."""
    UsageEvent.objects.bulk_create(events)
    PendingRollup.objects.bulk_create(_pending(event) for event in events[::2])
    rollups.fold_pending()
    PendingRollup.objects.bulk_create(_pending(event) for event in events[1::2])


def _pending(event: UsageEvent) -> PendingRollup:
    saved, saved_pico = saving(event.cached_input_tokens, event.input_price, event.cached_input_price)
    return PendingRollup(
        event_id=event.pk,
        organization_id=event.organization_id,
        project_id=event.project_id,
        api_key_id=event.api_key_id,
        model=event.model,
        bucket=periods.bucket_start(event.occurred_at),
        requests=1,
        input_tokens=event.input_tokens,
        cached_input_tokens=event.cached_input_tokens,
        output_tokens=event.output_tokens,
        charge=event.charge,
        saved=saved,
        saved_pico=saved_pico,
    )


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
