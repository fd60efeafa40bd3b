"""A month of the history as CSV: exact amounts, times in UTC, and the balance after each line."""

import csv
from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from accounts.models import Organization
from billing import statement
from billing.statement import Statement
from dashboard.usage_export import Echo, Streamed, instant, text
from foundation.money import CURRENCY, usd_string

_COLUMNS = (
    "at", "day", "time_zone", "type", "credit_kind", "reference", "note", "requests", "amount", "balance_after",
    "currency",
)  # fmt: skip


def response(organization: Organization, read: Statement) -> StreamingHttpResponse:
    """The file, oldest line first, so that the balance adds up from line to line."""
    name = slugify(organization.name) or organization.public_id
    streamed = Streamed(_lines(organization, read), content_type="text/csv; charset=utf-8")
    streamed["Content-Disposition"] = f'attachment; filename="billing_{name}_{read.first}_{read.last}.csv"'
    streamed["Cache-Control"] = "no-store"
    return streamed


def _lines(organization: Organization, read: Statement) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(_COLUMNS)
    zone = organization.zone.key
    for line in reversed(read.lines):
        grant = line.grant
        yield writer.writerow(
            [
                instant(line.at),
                line.day.isoformat(),
                zone,
                line.kind,
                grant.kind if grant else "",
                text(grant.source if grant else line.transaction),
                text(grant.note) if grant else "",
                line.requests if line.kind == statement.USAGE else "",
                usd_string(line.amount),
                usd_string(line.balance),
                CURRENCY,
            ]
        )
