"""Usage and requests as sheets: exact amounts, instants in UTC, read part by part."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.models import ApiKey
from foundation.money import CURRENCY, usd_per_million_string, usd_string
from foundation.sheet import Row, Sheet
from usage import reports, request_list
from usage.models import UsageEvent
from usage.reports import Filter, Sums

_AT_ONCE = 1000
_TYPED = frozenset({"project", "api_key", "model"})
# Providers, and who reports usage of their own, wrote these.
_TOLD = frozenset({"request_id", "finish_reason", "error_code"})
_USAGE = (
    "period_start", "period_end", "time_zone", "project_id", "project", "api_key_id", "api_key", "model", "requests",
    "input_tokens", "cached_input_tokens", "output_tokens", "total_tokens",
)  # fmt: skip
_USAGE_MONEY = ("cost", "currency")
_REQUEST = (
    "at", "request_id", "status", "finish_reason", "error_code", "stream", "project_id", "project", "api_key_id",
    "api_key", "model", "input_tokens", "cached_input_tokens", "output_tokens", "total_tokens", "reasoning_tokens",
    "usage_source", "first_token_ms", "duration_ms",
)  # fmt: skip
_REQUEST_MONEY = (
    "input_price_per_million", "cached_input_price_per_million", "output_price_per_million", "cost", "currency",
)  # fmt: skip
Naming = Callable[[ApiKey], str]
# Id and name of a key's project, id and name of the key.
_Names = tuple[str, str, str, str]


def _own_name(key: ApiKey) -> str:
    return key.name


def of_usage(
    chosen: Filter, edges: Sequence[datetime], zone: ZoneInfo, *, money: bool, name_of: Naming = _own_name
) -> Sheet:
    """A row for each period between the edges, project, key and model; one period at a time."""

    def parts() -> Iterator[list[Row]]:
        names: dict[int, _Names] = {}
        for start, end in pairwise(edges):
            # Of a period with many keys the first rows need not wait for the names of the last.
            for part in reports.parts(chosen, start, end, ("project", "key", "model"), _AT_ONCE):
                _learn(names, [key for (_, key, _), _ in part], name_of)
                yield [
                    _usage_row(start, end, zone, names[key], model, sums, money=money) for (_, key, model), sums in part
                ]

    return Sheet((*_USAGE, *(_USAGE_MONEY if money else ())), parts(), _TYPED)


def of_requests(events: QuerySet[UsageEvent], *, money: bool, name_of: Naming = _own_name) -> Sheet:
    """A row for each request, in the order of `request_list.newest_first`."""

    def parts() -> Iterator[list[Row]]:
        names: dict[int, _Names] = {}
        part = list(events[:_AT_ONCE])
        while part:
            # A key and its project are read once, not with each of their requests.
            _learn(names, [event.api_key_id for event in part], name_of)
            yield [_request_row(event, names[event.api_key_id], money=money) for event in part]
            if len(part) < _AT_ONCE:
                return
            part = list(request_list.older(events, part[-1])[:_AT_ONCE])

    return Sheet((*_REQUEST, *(_REQUEST_MONEY if money else ())), parts(), _TYPED | _TOLD)


def instant(at: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _learn(names: dict[int, _Names], key_ids: list[int], name_of: Naming) -> None:
    """Read the keys that are not known yet, with their projects. Their names are kept alone: they are a tenth."""
    missing = set(key_ids) - set(names)
    if missing:
        for key in ApiKey.objects.filter(pk__in=missing).select_related("project"):
            names[key.pk] = (key.project.public_id, key.project.name, key.public_id, name_of(key))


def _usage_row(
    start: datetime, end: datetime, zone: ZoneInfo, names: _Names, model: str, sums: Sums, *, money: bool
) -> Row:
    cells: list[Any] = [
        instant(start), instant(end), zone.key, *names, model, sums.requests, sums.prompt, sums.cached_input,
        sums.output, sums.tokens,
    ]  # fmt: skip
    return [*cells, usd_string(sums.charge), CURRENCY] if money else cells


def _request_row(event: UsageEvent, names: _Names, *, money: bool) -> Row:
    prompt = event.input_tokens + event.cached_input_tokens
    cells: list[Any] = [
        instant(event.occurred_at), event.request_id, event.status, event.finish_reason, event.error_code,
        event.stream, *names, event.model, prompt, event.cached_input_tokens, event.output_tokens,
        prompt + event.output_tokens, event.reasoning_tokens, event.usage_source, event.first_token_ms,
        event.total_ms,
    ]  # fmt: skip
    if money:
        prices = (event.input_price, event.cached_input_price, event.output_price)
        cells += [*(usd_per_million_string(price) for price in prices), usd_string(event.charge), CURRENCY]
    return cells
