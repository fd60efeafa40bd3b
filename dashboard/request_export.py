"""The requests of a filter as CSV, a page of rows at a time: memory does not grow with their number."""

import csv
from collections.abc import Iterator

from django.utils.text import slugify

from dashboard.request_filters import RequestFilter, older
from dashboard.usage_export import Echo, Streamed, instant, text
from dashboard.usage_report import key_name
from foundation.money import CURRENCY, usd_per_million_string, usd_string
from usage.models import UsageEvent

_AT_ONCE = 1000
_COLUMNS = (
    "at", "request_id", "status", "finish_reason", "error_code", "stream", "project_id", "project", "api_key_id",
    "api_key", "model", "input_tokens", "cached_input_tokens", "output_tokens", "total_tokens", "usage_source",
    "first_token_ms", "duration_ms",
)  # fmt: skip
_MONEY = (
    "input_price_per_million", "cached_input_price_per_million", "output_price_per_million", "cost", "currency",
)  # fmt: skip


def response(chosen: RequestFilter) -> Streamed:
    """The file, newest request first."""
    organization, days = chosen.scope.organization, chosen.usage
    name = slugify(organization.name) or organization.public_id
    streamed = Streamed(_lines(chosen), content_type="text/csv; charset=utf-8")
    streamed["Content-Disposition"] = f'attachment; filename="requests_{name}_{days.first}_{days.last}.csv"'
    streamed["Cache-Control"] = "no-store"
    return streamed


def _lines(chosen: RequestFilter) -> Iterator[str]:
    writer = csv.writer(Echo())
    sees_money = chosen.scope.sees_money
    yield writer.writerow([*_COLUMNS, *(_MONEY if sees_money else ())])
    found = chosen.events().select_related("api_key__project")
    part = list(found[:_AT_ONCE])
    while part:
        yield "".join(writer.writerow(_cells(event, sees_money)) for event in part)
        if len(part) < _AT_ONCE:
            return
        part = list(older(found, part[-1])[:_AT_ONCE])


def _cells(event: UsageEvent, sees_money: bool) -> list[object]:
    key = event.api_key
    prompt = event.input_tokens + event.cached_input_tokens
    cells: list[object] = [
        instant(event.occurred_at), event.request_id, event.status, event.finish_reason, event.error_code,
        "true" if event.stream else "false", key.project.public_id, text(key.project.name), key.public_id,
        text(key_name(key)), text(event.model), prompt, event.cached_input_tokens, event.output_tokens,
        prompt + event.output_tokens, event.usage_source,
        "" if event.first_token_ms is None else event.first_token_ms, event.duration_ms,
    ]  # fmt: skip
    if sees_money:
        prices = (event.input_price, event.cached_input_price, event.output_price)
        cells += [*(usd_per_million_string(price) for price in prices), usd_string(event.charge), CURRENCY]
    return cells
