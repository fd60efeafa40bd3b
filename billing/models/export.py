"""Files that an organization is sent each day, and what became of each."""

from functools import partial

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from foundation.egress import LONGEST_URL
from foundation.ids import public_id


class ExportPlace(models.TextChoices):
    S3 = "s3", _("A bucket that speaks S3")
    DIRECTORY = "directory", _("A directory of this machine")


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    JSON_LINES = "jsonl", "JSON Lines"


class ExportContent(models.TextChoices):
    USAGE = "usage", _("Usage by project, key and model")
    REQUESTS = "requests", _("Requests one by one")
    LEDGER = "ledger", _("Entries of the ledger")


class ScheduledExportQuerySet(models.QuerySet["ScheduledExport"]):
    def not_removed(self) -> "ScheduledExportQuerySet":
        return self.filter(removed_at=None)

    def enabled(self) -> "ScheduledExportQuerySet":
        return self.filter(removed_at=None, disabled_at=None)


class ScheduledExport(models.Model):
    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "exp"), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="scheduled_exports")
    place = models.CharField(max_length=10, choices=ExportPlace.choices)
    format = models.CharField(max_length=5, choices=ExportFormat.choices, default=ExportFormat.CSV)
    # Of ExportContent.
    contents = models.JSONField(default=list)
    # Of a directory, which only an operator may name.
    directory = models.CharField(max_length=500, blank=True)
    # Of a bucket.
    endpoint = models.CharField(max_length=LONGEST_URL, blank=True)
    region = models.CharField(max_length=40, blank=True)
    bucket = models.CharField(max_length=63, blank=True)
    prefix = models.CharField(max_length=200, blank=True)
    access_key_id = models.CharField(max_length=128, blank=True)
    # The secret access key, encrypted with ENCRYPTION_KEY.
    sealed = models.CharField(max_length=1000, blank=True)
    # The next day of the organization's zone that has no files yet.
    next_day = models.DateField()
    # Batches of usage from elsewhere that arrived before this were looked at for days that they change.
    watched_until = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    disabled_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ScheduledExportQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" if self.place == ExportPlace.S3 else self.directory

    @property
    def contents_display(self) -> list[str]:
        """What is written, in words."""
        return [str(ExportContent(one).label) for one in self.contents]

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None and self.removed_at is None

    @property
    def seal_context(self) -> str:
        """What its secret is bound to."""
        return f"export:{self.public_id}"


class ExportState(models.TextChoices):
    PENDING = "pending", "To be written"
    DONE = "done", "Written"


class ExportFile(models.Model):
    """One day of one content: claimed by one process at a time, written once, and again when the day has changed."""

    export = models.ForeignKey(ScheduledExport, on_delete=models.PROTECT, related_name="files")
    content = models.CharField(max_length=8, choices=ExportContent.choices)
    day = models.DateField()
    state = models.CharField(max_length=7, choices=ExportState.choices, default=ExportState.PENDING)
    attempts = models.IntegerField(default=0, help_text="Since it became due.")
    next_attempt_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    # Parts that a process left behind in the bucket.
    upload = models.CharField(max_length=1000, blank=True)
    # What was written last.
    version = models.IntegerField(default=0, help_text="How often it was written.")
    name = models.CharField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    rows = models.BigIntegerField(null=True, blank=True)
    size = models.BigIntegerField(null=True, blank=True, help_text="bytes")
    sha256 = models.CharField(max_length=64, blank=True)
    sums = models.JSONField(default=dict, blank=True)
    events = models.BigIntegerField(default=0, help_text="Usage events of the day when it was read.")
    last_event_id = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-day", "content"]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=models.Q(state="pending"), name="export_file_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["export", "content", "day"], name="one_export_file_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.content} of {self.day}"
