"""The Usage page's filter as CSV: a row for each bar, project, key and model; amounts exact, times in UTC."""

import csv
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.text import slugify

from accounts.models import ApiKey
from dashboard.usage_filters import UsageFilter
from dashboard.usage_report import key_name
from foundation.money import CURRENCY, usd_string
from usage import reports
from usage.reports import Sums

_COLUMNS = (
    "period_start", "period_end", "time_zone", "project_id", "project", "api_key_id", "api_key", "model", "requests",
    "input_tokens", "cached_input_tokens", "output_tokens", "total_tokens",
)  # fmt: skip
_MONEY = ("cost", "currency")
# A spreadsheet runs cells that begin so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Streamed(StreamingHttpResponse):
    """An iterator that asks the database, sent part by part by an ASGI server too: Django would collect it first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self)
        while part := await sync_to_async(lambda: next(parts, b""))():
            yield part


class Echo:
    """csv writes into it and gets the line back."""

    def write(self, line: str) -> str:
        return line


def response(chosen_filter: UsageFilter) -> Streamed:
    """The file, one period at a time: memory does not grow with the number of periods."""
    organization = chosen_filter.scope.organization
    name = slugify(organization.name) or organization.public_id
    streamed = Streamed(_lines(chosen_filter), content_type="text/csv; charset=utf-8")
    streamed["Content-Disposition"] = (
        f'attachment; filename="usage_{name}_{chosen_filter.first}_{chosen_filter.last}.csv"'
    )
    streamed["Cache-Control"] = "no-store"
    return streamed


def _lines(chosen_filter: UsageFilter) -> Iterator[str]:
    writer = csv.writer(Echo())
    sees_money = chosen_filter.scope.sees_money
    yield writer.writerow([*_COLUMNS, *(_MONEY if sees_money else ())])
    names: dict[int, ApiKey] = {}
    for start, end in pairwise(chosen_filter.edges()):
        part = [start, end]
        (rows,) = reports.series_by(chosen_filter.chosen(part), part, ("project", "key", "model"))
        _learn(names, [key for _, key, _ in rows])
        lines = []
        for (_, key_id, model), sums in sorted(rows.items()):
            key = names[key_id]
            cells = [instant(start), instant(end), chosen_filter.zone.key, *_who(key), text(model), *_counts(sums)]
            lines.append(writer.writerow([*cells, usd_string(sums.charge), CURRENCY] if sees_money else cells))
        if lines:
            yield "".join(lines)


def _learn(names: dict[int, ApiKey], key_ids: list[int]) -> None:
    """Read the keys that are not known yet, with their projects."""
    missing = set(key_ids) - set(names)
    if missing:
        names.update({key.pk: key for key in ApiKey.objects.filter(pk__in=missing).select_related("project")})


def _who(key: ApiKey) -> list[str]:
    return [key.project.public_id, text(key.project.name), key.public_id, text(key_name(key))]


def _counts(sums: Sums) -> list[Any]:
    return [sums.requests, sums.prompt, sums.cached_input, sums.output, sums.tokens]


def text(cell: str) -> str:
    """Text that a person wrote, so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def instant(at: datetime) -> str:
    """ISO 8601 in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
