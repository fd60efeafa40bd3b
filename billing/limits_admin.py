"""What operators see of limits, windows, alerts and refusals; limits are set by the room's verbs."""

from typing import Any

from django.contrib import admin

from billing import windows
from billing.models import Alert, RefusalCount, RefusedRequest, SpendingLimit, SpendingWindow
from foundation.facts_admin import FactsAdmin


def _said(field: str, label: str) -> Any:
    """A column in the unit of the limit's measure."""

    @admin.display(description=label, ordering=field)
    def column(row: Any) -> str:
        limit = getattr(row, "limit", row)
        value = getattr(row, field)
        return "" if value is None else windows.said(limit.measure, value)

    return column


@admin.register(SpendingLimit)
class SpendingLimitAdmin(FactsAdmin):
    list_display = (
        "public_id", "organization", "scope", "subject", "measure", _said("amount", "amount"), "window", "is_hard",
        "removed_at",
    )  # fmt: skip
    list_filter = ("measure", "window", "is_hard", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization", "project", "api_key")
    search_fields = ("=public_id", "=organization__public_id", "organization__name", "=api_key__public_id")


@admin.register(SpendingWindow)
class SpendingWindowAdmin(FactsAdmin):
    list_display = (
        "limit", "starts_at", "ends_at", _said("settled", "settled"), _said("held", "held"), _said("cap", "cap"),
        _said("opening", "used before"),
    )  # fmt: skip
    list_filter = ("limit__measure", "limit__window")
    list_select_related = ("limit__organization", "limit__project", "limit__api_key")
    search_fields = ("=limit__public_id", "=limit__organization__public_id")


@admin.register(Alert)
class AlertAdmin(FactsAdmin):
    list_display = (
        "created_at", "organization", "limit", "threshold", "reason", _said("settled", "settled"),
        _said("amount", "limit"),
    )  # fmt: skip
    list_filter = ("reason", "threshold")
    list_select_related = ("organization", "limit__organization", "limit__project", "limit__api_key")
    search_fields = ("=limit__public_id", "=organization__public_id")


@admin.register(RefusalCount)
class RefusalCountAdmin(FactsAdmin):
    list_display = ("minute", "organization", "project", "api_key", "model", "code", "count")
    list_filter = ("code",)
    list_select_related = ("organization", "project", "api_key")
    search_fields = ("=organization__public_id", "=api_key__public_id", "=code")


@admin.register(RefusedRequest)
class RefusedRequestAdmin(FactsAdmin):
    list_display = ("at", "request_id", "organization", "api_key", "model", "code", "message")
    list_filter = ("code",)
    list_select_related = ("organization", "api_key")
    search_fields = ("=request_id", "=organization__public_id", "=api_key__public_id")
