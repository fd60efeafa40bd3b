"""What a file holds: the same lines as the export of that day by hand, of one moment, with their sums."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import IO
from zoneinfo import ZoneInfo

from django.db.models import Count, Max

from accounts.models import Organization
from billing import sheets as books
from billing.models import ExportContent, ExportFormat
from foundation.consistent_read import one_moment
from foundation.money import from_usd, usd_string
from foundation.sheet import Row, Sheet, csv_parts, json_parts
from usage import request_list, sheets
from usage.models import UsageEvent
from usage.reports import Filter, day_edges

_COUNTS = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "total_tokens")
_AMOUNTS = ("cost", "amount")


@dataclass(frozen=True, slots=True)
class State:
    """Which usage events a day had: events are only ever added, so another state is another day."""

    events: int
    last_event_id: int


@dataclass(slots=True)
class Content:
    """What was written; sums are whole numbers, and USD as exact decimal texts."""

    start: datetime
    end: datetime
    state: State
    rows: int = 0
    size: int = 0
    sha256: str = ""
    sums: dict[str, int | str] = field(default_factory=dict)


def write(organization: Organization, zone: ZoneInfo, what: str, format_: str, day: date, file: IO[bytes]) -> Content:
    """Write the day into the file, part by part."""
    start, end = edges = tuple(day_edges(day, day, zone))
    digest = hashlib.sha256()
    with one_moment():
        content = Content(start, end, state_of(organization, start, end))
        sheet = _sheet(organization, zone, what, edges)
        counted = Sheet(sheet.columns, _counted(sheet, content), sheet.typed)
        for part in _parts(counted, format_):
            digest.update(part)
            content.size += len(part)
            file.write(part)
    content.sha256 = digest.hexdigest()
    return content


def state_of(organization: Organization, start: datetime, end: datetime) -> State:
    """The state of the time between the two instants, as it is now."""
    found = UsageEvent.objects.filter(organization=organization, occurred_at__gte=start, occurred_at__lt=end).aggregate(
        count=Count("pk"), last=Max("pk")
    )
    return State(found["count"], found["last"] or 0)


def _sheet(organization: Organization, zone: ZoneInfo, what: str, edges: Sequence[datetime]) -> Sheet:
    if what == ExportContent.LEDGER:
        return books.of_entries(organization, edges[0], edges[-1])
    chosen = Filter(organization.pk, edges[0], edges[-1], None, (), ())
    if what == ExportContent.USAGE:
        return sheets.of_usage(chosen, edges, zone, money=True)
    return sheets.of_requests(request_list.newest_first(chosen), money=True)


def _parts(sheet: Sheet, format_: str) -> Iterator[bytes]:
    if format_ == ExportFormat.CSV:
        return (part.encode() for part in csv_parts(sheet))
    return json_parts(sheet)


def _counted(sheet: Sheet, content: Content) -> Iterable[Sequence[Row]]:
    """The rows, while `content` learns their number and sums."""
    counts = {name: place for place, name in enumerate(sheet.columns) if name in _COUNTS}
    amounts = {name: place for place, name in enumerate(sheet.columns) if name in _AMOUNTS}
    totals = dict.fromkeys((*counts, *amounts), 0)
    for rows in sheet.parts:
        content.rows += len(rows)
        for name, place in counts.items():
            totals[name] += sum(row[place] for row in rows)
        for name, place in amounts.items():
            totals[name] += sum(from_usd(row[place]) for row in rows)
        yield rows
    content.sums = {name: usd_string(total) if name in amounts else total for name, total in totals.items()}
