"""The job: find what is due, claim a file, read it, put it in its place, write down what it was.

At least once: who is killed loses the claim after a while, and somebody else writes the file again under its name.
"""

import logging
import tempfile
import time
from datetime import datetime, timedelta
from typing import IO

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from billing.day_seals import MARGIN
from billing.exporting import content, days
from billing.exporting.content import Content
from billing.exporting.places import Place, place_of
from billing.models import ExportFile, ExportFormat, ExportState, ScheduledExport
from foundation.egress import Forbidden
from foundation.periods import iso
from foundation.sealing import SealBroken

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
# Seconds after which a call begins no more files.
BUDGET = 60.0
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
_LONGEST_ERROR = 300
_TYPES = {ExportFormat.CSV: "text/csv; charset=utf-8", ExportFormat.JSON_LINES: "application/jsonl; charset=utf-8"}


class ClaimLost(OSError):
    """Another process has the file now, or the export was switched off."""


def export_due(now: datetime | None = None) -> int:
    """Write what is due now; the number of files written. Any process may run it."""
    ends = time.monotonic() + BUDGET
    for export in ScheduledExport.objects.enabled().select_related("organization"):
        moment = now or timezone.now()
        days.notice_changes(export, moment)
        days.plan(export, moment)
    written, failing = 0, set[int]()
    while time.monotonic() < ends and (file := _claim(now or timezone.now(), failing)):
        if write(file):
            written += 1
        else:
            # What one file meets, the next will too.
            failing.add(file.export_id)
    return written


def _claim(now: datetime, failing: set[int]) -> ExportFile | None:
    """The oldest file that is due, if this call was the first to claim it."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    due = ExportFile.objects.filter(
        free, state=ExportState.PENDING, next_attempt_at__lte=now, export__removed_at=None, export__disabled_at=None
    ).exclude(export_id__in=failing)
    for file in due.select_related("export__organization").order_by("next_attempt_at", "day", "pk")[:10]:
        lease = timezone.now() + LEASE
        mine = ExportFile.objects.filter(free, pk=file.pk, state=ExportState.PENDING, attempts=file.attempts)
        zone = file.export.organization.zone
        if not days.is_over(file.export, file.day, zone, now):
            # The zone has moved since.
            mine.update(next_attempt_at=max(days.end_of(file.day, zone) + MARGIN, now + _FIRST_WAIT))
        elif mine.update(claimed_until=lease, attempts=F("attempts") + 1) == 1:
            file.claimed_until, file.attempts = lease, file.attempts + 1
            return file
    return None


def write(file: ExportFile) -> bool:
    """Read a claimed file and put it in its place; whether it is there now."""
    try:
        place = place_of(file.export)
        name = name_of(file)
        place.clear(name, file.upload)
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as spool:
            read = _read(file, spool)
            _put(file, place, name, spool, read)
        return _record(file, name, read)
    except ClaimLost:
        log.warning("%s of %s: another process has it", file, file.export.public_id)
    except (OSError, Forbidden, SealBroken) as error:
        _fail(file, str(error) or type(error).__name__)
    except Exception:
        log.exception("%s of %s could not be written", file, file.export.public_id)
        _fail(file, "The file could not be made. The operator's log says why.")
    return False


def name_of(file: ExportFile) -> str:
    """organization/content/day, as `org_…/usage/2026-11-29.csv`."""
    export = file.export
    return f"{export.organization.public_id}/{file.content}/{file.day}.{export.format}"


def _read(file: ExportFile, spool: IO[bytes]) -> Content:
    export = file.export
    organization = export.organization
    return content.write(organization, organization.zone, file.content, export.format, file.day, spool)


def _put(file: ExportFile, place: Place, name: str, spool: IO[bytes], read: Content) -> None:
    """The file, then what describes it: whoever has the description has the file that it describes, or a newer one."""

    def goes_on(upload: str) -> None:
        lease = timezone.now() + LEASE
        mine = _mine(file).filter(export__disabled_at=None, export__removed_at=None)
        if mine.update(claimed_until=lease, upload=upload) != 1:
            raise ClaimLost("The claim is lost.")
        file.claimed_until = lease

    spool.seek(0)
    place.put(name, spool, read.size, _TYPES[ExportFormat(file.export.format)], goes_on)
    with tempfile.TemporaryFile(dir=settings.DATA_DIR) as manifest:
        described = orjson.dumps(_manifest(file, name, read), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        manifest.write(described)
        manifest.seek(0)
        place.put(manifest_name(name), manifest, len(described), "application/json", goes_on)


def manifest_name(name: str) -> str:
    """Beside the file, with its own ending."""
    return f"{name}.manifest.json"


def _manifest(file: ExportFile, name: str, read: Content) -> dict[str, object]:
    organization = file.export.organization
    return {
        "organization_id": organization.public_id,
        "content": file.content,
        "day": file.day.isoformat(),
        "time_zone": organization.time_zone,
        "from": iso(read.start),
        "to": iso(read.end),
        "file": name.rpartition("/")[2],
        "version": file.version + 1,
        "rows": read.rows,
        "bytes": read.size,
        "sha256": read.sha256,
        "sums": read.sums,
        "written_at": iso(timezone.now()),
    }


def _mine(file: ExportFile) -> "QuerySet[ExportFile]":
    """The row, as long as the claim stands with which it was read."""
    return ExportFile.objects.filter(pk=file.pk, attempts=file.attempts, claimed_until=file.claimed_until)


def _record(file: ExportFile, name: str, read: Content) -> bool:
    with transaction.atomic():
        # What came while it was written makes it due again at once.
        is_still = days.is_still(file, read.state)
        now = timezone.now()
        values = {
            "state": ExportState.DONE if is_still else ExportState.PENDING,
            "attempts": 0,
            "next_attempt_at": now,
            "claimed_until": None,
            "last_error": "",
            "upload": "",
            "version": F("version") + 1,
            "name": name,
            "time_zone": file.export.organization.time_zone,
            "rows": read.rows,
            "size": read.size,
            "sha256": read.sha256,
            "sums": read.sums,
            "events": read.state.events,
            "last_event_id": read.state.last_event_id,
            "finished_at": now,
        }
        if _mine(file).update(**values) != 1:
            raise ClaimLost("The claim is lost.")
    return True


def _fail(file: ExportFile, reason: str) -> None:
    """Try again later, each time after twice as long, up to six hours."""
    wait = min(_FIRST_WAIT * 2 ** min(file.attempts - 1, 20), _LONGEST_WAIT)
    log.warning("%s of %s: %s", file, file.export.public_id, reason)
    _mine(file).update(claimed_until=None, next_attempt_at=timezone.now() + wait, last_error=reason[:_LONGEST_ERROR])
