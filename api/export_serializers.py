"""Scheduled exports and their files as JSON: what goes out, and what comes in. Secrets only come in."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from api.envelopes import ListOut
from api.instant import Day, Instant, instant
from api.strict import Strict
from billing.exports import standing
from billing.models import ExportContent, ExportFile, ExportFormat, ExportPlace, ExportState, ScheduledExport
from foundation.egress import LONGEST_URL


class ExportFileOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    day = serializers.DateField(help_text="Of the organization's zone.")
    content = serializers.ChoiceField(ExportContent.choices)
    state = serializers.ChoiceField(ExportState.choices)
    version = serializers.IntegerField(help_text="How often it was written; 0: not yet.")
    name = serializers.CharField(allow_null=True, help_text="Below the prefix or directory.")
    time_zone = serializers.CharField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    sums = serializers.DictField(help_text="Of its columns: whole numbers, and USD as exact decimal texts.")
    attempts = serializers.IntegerField(help_text="Since it became due.")
    next_attempt_at = Instant(allow_null=True, help_text="Null once it is written.")
    last_error = serializers.CharField(allow_null=True)
    finished_at = Instant(allow_null=True, help_text="When it was last written.")


class ExportFileListOut(ListOut):
    data = ExportFileOut(many=True)  # type: ignore[assignment]


class ExportRunOut(serializers.Serializer):
    object = serializers.CharField()
    data = ExportFileOut(many=True)  # type: ignore[assignment]


class ScheduledExportOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    place = serializers.ChoiceField(ExportPlace.choices, help_text="A directory is set and changed by the operator.")
    format = serializers.ChoiceField(ExportFormat.choices)
    contents = serializers.ListField(child=serializers.ChoiceField(ExportContent.choices))
    endpoint = serializers.CharField(allow_null=True)
    region = serializers.CharField(allow_null=True)
    bucket = serializers.CharField(allow_null=True)
    prefix = serializers.CharField(allow_null=True)
    access_key_id = serializers.CharField(allow_null=True)
    enabled = serializers.BooleanField()
    next_day = serializers.DateField(help_text="The next day that will be written, when it is over.")
    last_file = ExportFileOut(allow_null=True, help_text="What was written last.")
    failing_file = ExportFileOut(allow_null=True, help_text="The oldest that is due and was not written yet.")
    created_at = Instant()


class ScheduledExportListOut(ListOut):
    data = ScheduledExportOut(many=True)  # type: ignore[assignment]


def _contents(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField(ExportContent.choices), min_length=1, max_length=3, **options
    )


class ScheduledExportCreate(Strict):
    bucket = serializers.CharField(max_length=63)
    region = serializers.CharField(max_length=40, default="us-east-1")
    endpoint = serializers.CharField(
        max_length=LONGEST_URL, default="", allow_blank=True, help_text="Usually Amazon's of the region."
    )
    prefix = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="Such as `meterhouse/`.")
    access_key_id = serializers.CharField(max_length=128)
    secret_access_key = serializers.CharField(max_length=500, help_text="Kept encrypted, and never shown again.")
    format = serializers.ChoiceField(ExportFormat.choices, default=ExportFormat.CSV)
    contents = _contents(default=lambda: list(ExportContent.values))
    first_day = Day(required=False, help_text="Usually today.")


class ScheduledExportChange(Strict):
    contents = _contents(required=False)
    access_key_id = serializers.CharField(max_length=128, required=False)
    secret_access_key = serializers.CharField(max_length=500, required=False, help_text="With `access_key_id`.")
    enabled = serializers.BooleanField(required=False)


class ScheduledExportRun(Strict):
    day = Day(required=False, help_text="Usually the newest day that is over.")


def shown(exports: Iterable[ScheduledExport]) -> list[dict[str, Any]]:
    """Exports as JSON, each with its newest file and the one that waits longest."""
    return [_shown(export) for export in exports]


def _shown(export: ScheduledExport) -> dict[str, Any]:
    found = standing(export)
    return {
        "object": "scheduled_export",
        "id": export.public_id,
        "place": export.place,
        "format": export.format,
        "contents": export.contents,
        "endpoint": export.endpoint or None,
        "region": export.region or None,
        "bucket": export.bucket or None,
        "prefix": export.prefix if export.place == ExportPlace.S3 else None,
        "access_key_id": export.access_key_id or None,
        "enabled": export.is_enabled,
        "next_day": export.next_day.isoformat(),
        "last_file": shown_file(found.last) if found.last else None,
        "failing_file": shown_file(found.failing) if found.failing else None,
        "created_at": instant(export.created_at),
    }


def shown_file(file: ExportFile) -> dict[str, Any]:
    """A file as JSON."""
    pending = file.state == ExportState.PENDING
    return {
        "object": "export_file",
        "id": f"file_{file.pk}",
        "day": file.day.isoformat(),
        "content": file.content,
        "state": file.state,
        "version": file.version,
        "name": file.name or None,
        "time_zone": file.time_zone or None,
        "rows": file.rows,
        "bytes": file.size,
        "sha256": file.sha256 or None,
        "sums": file.sums,
        "attempts": file.attempts,
        "next_attempt_at": instant(file.next_attempt_at) if pending else None,
        "last_error": file.last_error or None,
        "finished_at": instant(file.finished_at) if file.finished_at else None,
    }
