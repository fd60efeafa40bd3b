"""Which files are due: each day of the organization's zone once it is over, and days that have changed since."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, Min, QuerySet

from billing.day_seals import MARGIN
from billing.exporting.content import State, state_of
from billing.models import ExportContent, ExportFile, ExportState, Hold, IngestionBatch, ScheduledExport
from foundation import periods
from usage.models import UsageEvent
from usage.reports import day_edges

_DAY = timedelta(days=1)
# In one call, of one export.
_MOST_DAYS = 400
# Of what is under way so long, nothing is committed unseen.
_LONGEST_TRANSACTION = timedelta(minutes=10)


def plan(export: ScheduledExport, now: datetime) -> None:
    """Write down the files of days that are over."""
    zone, day = export.organization.zone, export.next_day
    for _ in range(_MOST_DAYS):
        if not is_over(export, day, zone, now):
            break
        files = [ExportFile(export=export, content=what, day=day, next_attempt_at=now) for what in export.contents]
        ExportFile.objects.bulk_create(files, ignore_conflicts=True)
        day += _DAY
    if day != export.next_day:
        ScheduledExport.objects.filter(pk=export.pk, next_day__lt=day).update(next_day=day)


def is_over(export: ScheduledExport, day: date, zone: ZoneInfo, now: datetime) -> bool:
    """Whether the day ended long enough ago and all of its requests have ended too."""
    end = end_of(day, zone)
    if end + MARGIN >= now:
        return False
    under_way = Hold.objects.filter(organization=export.organization, state="active", admitted_at__lt=end)
    return not under_way.exists()


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the zone's day ends."""
    return periods.day_start(day + _DAY, zone)


def notice_changes(export: ScheduledExport, now: datetime) -> None:
    """Make files due again whose day has got events since, or is another day in another zone."""
    written = ExportFile.objects.filter(export=export, state=ExportState.DONE)
    again(written.exclude(time_zone=export.organization.time_zone), now)
    arrived = IngestionBatch.objects.filter(
        organization=export.organization, received_at__gte=export.watched_until - _LONGEST_TRANSACTION
    )
    days: set[date] = set()
    zone = export.organization.zone
    for batch in arrived.iterator():
        days |= _days_of(batch, zone)
    for day in sorted(one for one in days if one < export.next_day):
        start, end = day_edges(day, day, zone)
        state = state_of(export.organization, start, end)
        changed = written.filter(day=day).exclude(content=ExportContent.LEDGER)
        again(changed.exclude(events=state.events, last_event_id=state.last_event_id), now)
    ScheduledExport.objects.filter(pk=export.pk, watched_until__lt=now).update(watched_until=now)


def again(files: "QuerySet[ExportFile]", now: datetime) -> int:
    """Make the files due; how many."""
    return files.update(state=ExportState.PENDING, attempts=0, next_attempt_at=now)


def is_still(file: ExportFile, state: State) -> bool:
    """Whether the day is as it was read."""
    if file.content == ExportContent.LEDGER:
        return True
    organization = file.export.organization
    return state_of(organization, *day_edges(file.day, file.day, organization.zone)) == state


def _days_of(batch: IngestionBatch, zone: ZoneInfo) -> set[date]:
    """Days that the batch may have added to."""
    events = UsageEvent.objects.filter(pk__gte=batch.first_event_id, pk__lte=batch.last_event_id, batch_id=batch.pk)
    found = events.aggregate(first=Min("occurred_at"), last=Max("occurred_at"))
    if found["first"] is None:
        return set()
    return set(periods.days_between(periods.day_of(found["first"], zone), periods.day_of(found["last"], zone)))
