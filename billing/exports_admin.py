"""What operators see of scheduled exports: where they go, and what became of each file."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billing import exports
from billing.messages_admin import WithVerbs
from billing.models import ExportFile, ScheduledExport
from foundation.facts_admin import FactsAdmin


@admin.register(ScheduledExport)
class ScheduledExportAdmin(WithVerbs):
    """Operators run exports and switch them off and on; their secrets are shown to nobody."""

    list_display = ("__str__", "public_id", "organization", "format", "next_day", "disabled_at")
    list_filter = (
        "place",
        ("disabled_at", admin.EmptyFieldListFilter),
        ("removed_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("organization",)
    search_fields = ("=public_id", "bucket", "directory", "=organization__public_id", "organization__name")
    fields = (
        "public_id", "organization", "place", "format", "contents", "directory", "endpoint", "region", "bucket",
        "prefix", "access_key_id", "next_day", "created_at", "created_by", "disabled_at", "removed_at",
    )  # fmt: skip
    actions = ("run", "switch_off", "switch_on")

    @admin.action(description="Write the newest day now", permissions=["act"])
    def run(self, request: HttpRequest, queryset: QuerySet[ScheduledExport]) -> None:
        self.each(request, queryset, exports.run_now)

    @admin.action(description="Switch off", permissions=["act"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[ScheduledExport]) -> None:
        self.each(request, queryset, lambda row, by: exports.change(row, by, enabled=False))

    @admin.action(description="Switch on", permissions=["act"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[ScheduledExport]) -> None:
        self.each(request, queryset, lambda row, by: exports.change(row, by, enabled=True))


@admin.register(ExportFile)
class ExportFileAdmin(FactsAdmin):
    list_display = (
        "day", "content", "export", "state", "version", "rows", "size", "attempts", "next_attempt_at", "finished_at",
        "last_error",
    )  # fmt: skip
    list_filter = ("state", "content")
    list_select_related = ("export",)
    search_fields = ("=export__public_id", "=export__organization__public_id", "sha256")
