"""What operators see of usage: facts, read-only."""

from typing import Any, ClassVar

from django.contrib import admin

from foundation.facts_admin import FactsAdmin
from foundation.usd_admin import usd, usd_per_million
from usage.models import KeySpan, KeyTotal, PendingRollup, ProjectSpan, UsageEvent, UsageRollup

_CHARGE = usd("charge", "charge")


@admin.register(UsageEvent)
class UsageEventAdmin(FactsAdmin):
    list_display = (
        "request_id", "occurred_at", "organization", "project", "api_key", "model", "status", "finish_reason",
        "input_tokens", "cached_input_tokens", "output_tokens", _CHARGE,
    )  # fmt: skip
    list_filter = ("usage_source", "finish_reason", "stream", "status", "provider")
    list_select_related = ("organization", "project", "api_key")
    search_fields = ("=request_id", "=api_key__public_id", "=organization__public_id", "=project__public_id")
    search_help_text = "A request id, or the id of a key, project or organization."
    readonly_fields: ClassVar[Any] = (
        _CHARGE,
        usd("overrun", "overrun"),
        usd_per_million("input_price", "input price"),
        usd_per_million("cached_input_price", "cached input price"),
        usd_per_million("output_price", "output price"),
    )
    exclude = ("charge", "overrun", "input_price", "cached_input_price", "output_price")


class _RollupAdmin(FactsAdmin):
    list_display: Any = (
        "bucket", "organization", "project", "api_key", "model", "requests", "input_tokens", "cached_input_tokens",
        "output_tokens", _CHARGE,
    )  # fmt: skip
    list_select_related: ClassVar[Any] = ("organization", "project", "api_key")
    search_fields: ClassVar[Any] = ("=model", "=api_key__public_id", "=organization__public_id", "=project__public_id")
    search_help_text = "A model, or the id of a key, project or organization."
    readonly_fields: ClassVar[Any] = (_CHARGE,)
    exclude = ("charge",)


@admin.register(UsageRollup)
class UsageRollupAdmin(_RollupAdmin):
    ordering = ("-bucket", "-id")


@admin.register(KeySpan)
class KeySpanAdmin(_RollupAdmin):
    list_display = ("width", *_RollupAdmin.list_display)
    list_filter = ("width",)
    ordering = ("-bucket", "-id")


@admin.register(KeyTotal)
class KeyTotalAdmin(_RollupAdmin):
    list_display = ("width", *(name for name in _RollupAdmin.list_display if name != "model"))
    list_filter = ("width",)
    search_fields = ("=api_key__public_id", "=organization__public_id", "=project__public_id")
    search_help_text = "The id of a key, project or organization."
    ordering = ("-bucket", "-id")


@admin.register(ProjectSpan)
class ProjectSpanAdmin(_RollupAdmin):
    list_display = ("width", *(name for name in _RollupAdmin.list_display if name != "api_key"))
    list_filter = ("width",)
    list_select_related = ("organization", "project")
    search_fields = ("=model", "=organization__public_id", "=project__public_id")
    search_help_text = "A model, or the id of a project or organization."
    ordering = ("-bucket", "-id")


@admin.register(PendingRollup)
class PendingRollupAdmin(_RollupAdmin):
    ordering = ("-event_id",)
