"""What came from elsewhere, and what the clock has seen, in the admin: to read only."""

from typing import Any, ClassVar

from django.contrib import admin

from billing.models import AuditPosition, Correction, FileImport, IngestionBatch, LateUsage, LowBalance
from foundation.facts_admin import FactsAdmin
from foundation.usd_admin import usd


@admin.register(IngestionBatch)
class IngestionBatchAdmin(FactsAdmin):
    list_display = ("id", "organization", "received_at", "events", usd("charge", "charge"), "api_key", "user")
    list_filter = ("received_at",)
    list_select_related = ("organization", "api_key", "user")
    search_fields = ("=organization__public_id", "organization__name")
    readonly_fields: ClassVar[Any] = (usd("charge", "charge"),)
    exclude = ("charge",)


@admin.register(LateUsage)
class LateUsageAdmin(FactsAdmin):
    list_display = ("id", "organization", "charged_in", "used_in", "requests", usd("charge", "charge"))
    list_filter = ("charged_in",)
    list_select_related = ("organization",)
    search_fields = ("=organization__public_id", "organization__name")
    readonly_fields: ClassVar[Any] = (usd("charge", "charge"),)
    exclude = ("charge",)


@admin.register(Correction)
class CorrectionAdmin(FactsAdmin):
    list_display = ("id", "event", "kind", "said_at", "input_tokens", "cached_input_tokens", "output_tokens")
    list_filter = ("kind", "said_at")
    list_select_related = ("event",)
    search_fields = ("=event__request_id", "=event__external_id")


@admin.register(FileImport)
class FileImportAdmin(FactsAdmin):
    list_display = ("name", "organization", "rows", "accepted", "duplicate", "conflict", "rejected", "updated_at")
    list_filter = ("updated_at",)
    list_select_related = ("organization",)
    search_fields = ("name", "organization__name", "organization__public_id")


@admin.register(LowBalance)
class LowBalanceAdmin(FactsAdmin):
    list_display = ("organization", "since")
    list_filter = ("since",)
    list_select_related = ("organization",)
    search_fields = ("organization__name", "organization__public_id")


@admin.register(AuditPosition)
class AuditPositionAdmin(FactsAdmin):
    list_display = ("id", "entry_id")
    list_filter = ("id",)
    search_fields = ("=id",)
