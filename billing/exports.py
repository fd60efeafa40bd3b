"""What one does with scheduled exports. Every verb is one transaction and leaves an audit entry.

Doors ask for Permission.MANAGE_ORGANIZATION. A directory of the operator's machine is named by an operator alone.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit
from accounts.actor import SYSTEM, Actor
from accounts.models import Organization
from billing.day_seals import MARGIN
from billing.exporting import days
from billing.models import ExportContent, ExportFile, ExportFormat, ExportPlace, ExportState, ScheduledExport
from foundation import egress, periods, sealing

MOST_EXPORTS = 10
# How far back the first day may lie.
MOST_DAYS_BACK = 400
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"([A-Za-z0-9!_.*'()=-]+/)*[A-Za-z0-9!_.*'()=-]*")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ACCESS_KEY = re.compile(r"[!-~]{1,128}")
_SECRET = re.compile(r"[!-~]{1,500}")


@dataclass(frozen=True, slots=True)
class Target:
    """A bucket and who writes into it; without an endpoint it is Amazon's in the region."""

    bucket: str
    region: str = "us-east-1"
    endpoint: str = ""
    prefix: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""


# ---------------------------------------------------------------- make, change, end


def to_bucket(
    organization: Organization,
    target: Target,
    by: Actor,
    *,
    contents: Iterable[str] = ExportContent.values,
    format_: str = ExportFormat.CSV,
    first_day: date | None = None,
) -> ScheduledExport:
    """Send the organization's days to a bucket, from `first_day` (usually today) on; raises ValidationError."""
    target = _checked(target)
    export = _new(organization, ExportPlace.S3, by, contents, format_, first_day)
    _aim(export, target)
    return _saved(export, by)


def to_directory(
    organization: Organization,
    directory: str,
    by: Actor = SYSTEM,
    *,
    contents: Iterable[str] = ExportContent.values,
    format_: str = ExportFormat.CSV,
    first_day: date | None = None,
) -> ScheduledExport:
    """Write the organization's days into a directory of this machine; for operators. Raises ValidationError."""
    path = Path(directory)
    if not path.is_absolute() or not path.is_dir() or not os.access(path, os.W_OK):
        raise ValidationError({"directory": f"{directory!r} is no directory that Meterhouse can write into."})
    export = _new(organization, ExportPlace.DIRECTORY, by, contents, format_, first_day)
    export.directory = str(path)
    return _saved(export, by)


def change(
    export: ScheduledExport,
    by: Actor,
    *,
    contents: Iterable[str] | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    enabled: bool | None = None,
) -> ScheduledExport:
    """What is None stays as it is; another key comes with its secret. Raises ValidationError."""
    with transaction.atomic():
        export = _locked(export)
        changes: dict[str, object] = {}
        if contents is not None:
            export.contents = changes["contents"] = _contents(contents)
        if access_key_id is not None or secret_access_key is not None:
            if access_key_id is None or secret_access_key is None or export.place != ExportPlace.S3:
                raise ValidationError({"secret_access_key": gettext("Give a key's id and its secret together.")})
            target = Target(export.bucket, export.region, export.endpoint, export.prefix)
            _aim(export, _checked(replace(target, access_key_id=access_key_id, secret_access_key=secret_access_key)))
            changes["access_key_id"] = access_key_id
        if enabled is not None and enabled != export.is_enabled:
            export.disabled_at = None if enabled else timezone.now()
            changes["enabled"] = enabled
        if changes:
            export.save()
            audit.record("export.changed", export, by, changes=changes)
        return export


def remove(export: ScheduledExport, by: Actor) -> None:
    """End it and forget its secret; what was written stays where it is. Doing it twice changes nothing."""
    with transaction.atomic():
        there = ScheduledExport.objects.not_removed().filter(pk=export.pk)
        if there.update(removed_at=timezone.now(), sealed=""):
            audit.record("export.removed", export, by)


def run_now(export: ScheduledExport, by: Actor, day: date | None = None) -> list[ExportFile]:
    """Make the files of a day due at once, written before or not: the newest day that is over, or another one.

    Raises ValidationError for a day that is not over.
    """
    now = timezone.now()
    with transaction.atomic():
        export = _locked(export)
        if not export.is_enabled:
            raise ValidationError(gettext("This export is switched off. Switch it on first."), code="export_disabled")
        zone = export.organization.zone
        newest = newest_day(export)
        day = day or newest
        if not newest - timedelta(days=MOST_DAYS_BACK) <= day <= newest or not days.is_over(export, day, zone, now):
            raise ValidationError({"day": gettext("This day is not over, or too long past.")})
        files = [ExportFile(export=export, content=what, day=day) for what in export.contents]
        ExportFile.objects.bulk_create(files, ignore_conflicts=True)
        found = ExportFile.objects.filter(export=export, day=day, content__in=export.contents)
        days.again(found, now)
        audit.record("export.run", export, by, changes={"day": day.isoformat()})
        return list(found)


@dataclass(frozen=True, slots=True)
class Standing:
    """The file that was written last, and the oldest that is due and failed."""

    last: ExportFile | None
    failing: ExportFile | None


def standing(export: ScheduledExport) -> Standing:
    """What became of an export lately."""
    files = export.files.select_related("export")
    return Standing(
        files.exclude(finished_at=None).order_by("-finished_at", "-pk").first(),
        files.filter(state=ExportState.PENDING).exclude(last_error="").order_by("day", "pk").first(),
    )


def newest_day(export: ScheduledExport) -> date:
    """The newest day of the organization's zone that is over."""
    return periods.day_of(timezone.now() - MARGIN, export.organization.zone) - timedelta(days=1)


# ---------------------------------------------------------------- what is asked


def _new(
    organization: Organization,
    place: str,
    by: Actor,
    contents: Iterable[str],
    format_: str,
    first_day: date | None,
) -> ScheduledExport:
    today = periods.day_of(timezone.now(), organization.zone)
    day = first_day or today
    if not today - timedelta(days=MOST_DAYS_BACK) <= day <= today:
        raise ValidationError(
            {"first_day": gettext("A day from %(days)s days ago until today.") % {"days": MOST_DAYS_BACK}}
        )
    if format_ not in ExportFormat.values:
        raise ValidationError({"format": gettext("csv or jsonl.")})
    return ScheduledExport(
        organization=organization,
        place=place,
        format=format_,
        contents=_contents(contents),
        next_day=day,
        created_by=by.user,
    )


def _saved(export: ScheduledExport, by: Actor) -> ScheduledExport:
    with transaction.atomic():
        # Two that come together must not both see room for one.
        Organization.objects.select_for_update(no_key=True).get(pk=export.organization_id)
        if ScheduledExport.objects.not_removed().filter(organization=export.organization).count() >= MOST_EXPORTS:
            raise ValidationError(
                gettext("An organization has at most %(most)s exports. Remove one first.") % {"most": MOST_EXPORTS},
                code="too_many_exports",
            )
        export.save()
        facts = {"to": str(export), "contents": export.contents, "format": export.format}
        audit.record("export.created", export, by, changes=facts)
    return export


def _contents(contents: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(contents))
    if not wanted or not set(wanted) <= set(ExportContent.values):
        names = ", ".join(ExportContent.values)
        raise ValidationError({"contents": gettext("Choose from %(names)s.") % {"names": names}})
    return wanted


def _checked(target: Target) -> Target:
    errors: dict[str, str] = {}
    if not _REGION.fullmatch(target.region):
        errors["region"] = gettext("A region such as eu-central-1.")
    if not _BUCKET.fullmatch(target.bucket) or ".." in target.bucket:
        errors["bucket"] = gettext("The name of a bucket: 3 to 63 small letters, digits, dots and hyphens.")
    parts = target.prefix.split("/")
    if not _PREFIX.fullmatch(target.prefix) or len(target.prefix) > 200 or {".", ".."} & set(parts):
        errors["prefix"] = gettext("A path such as meterhouse/ of plain letters and digits.")
    if not _ACCESS_KEY.fullmatch(target.access_key_id) or "/" in target.access_key_id:
        errors["access_key_id"] = gettext("The id of an access key.")
    if not _SECRET.fullmatch(target.secret_access_key):
        errors["secret_access_key"] = gettext("The secret of the access key.")
    if "region" not in errors:
        try:
            target = replace(target, endpoint=_endpoint(target))
        except egress.Forbidden as error:
            errors["endpoint"] = str(error)
    if errors:
        raise ValidationError(errors)
    prefix = target.prefix
    return replace(target, prefix=f"{prefix}/" if prefix and not prefix.endswith("/") else prefix)


def _endpoint(target: Target) -> str:
    """The address without a path; raises Forbidden."""
    asked = target.endpoint.strip() or f"https://s3.{target.region}.amazonaws.com"
    allowed = settings.EXPORTS_ALLOW_PRIVATE
    parts = urlsplit(egress.check_url(asked, allow_private=allowed))
    if parts.path != "/" or parts.query:
        raise egress.Forbidden("Write the endpoint without a path, such as https://s3.example.com.")
    if parts.scheme != "https" and not allowed:
        raise egress.Forbidden("Write an endpoint that begins with https://: the files say what you spend.")
    return f"{parts.scheme}://{parts.netloc}"


def _aim(export: ScheduledExport, target: Target) -> None:
    export.endpoint, export.region, export.bucket = target.endpoint, target.region, target.bucket
    export.prefix, export.access_key_id = target.prefix, target.access_key_id
    export.sealed = sealing.seal(target.secret_access_key, settings.ENCRYPTION_KEY, export.seal_context)


def _locked(export: ScheduledExport) -> ScheduledExport:
    """The row as it is now; raises ValidationError when it was removed."""
    rows = ScheduledExport.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    stored = rows.get(pk=export.pk)
    if stored.removed_at:
        raise ValidationError(gettext("This export was removed. Create a new one."), code="export_removed")
    return stored
