"""What operators see of seals and adjustments: facts, read-only."""

from typing import Any, ClassVar

from django.contrib import admin

from billing.models import Adjustment, DaySeal
from foundation.facts_admin import FactsAdmin
from foundation.usd_admin import usd, usd_per_million


@admin.register(DaySeal)
class DaySealAdmin(FactsAdmin):
    list_display = ("day", "events", "entries", usd("charge", "charge"), usd("credit", "credit"), "hash", "sealed_at")
    search_fields = ("=hash",)
    readonly_fields: ClassVar[Any] = (usd("charge", "charge"), usd("overrun", "overrun"), usd("credit", "credit"))
    exclude = ("charge", "overrun", "credit")


@admin.register(Adjustment)
class AdjustmentAdmin(FactsAdmin):
    list_display = (
        "at", "run", "organization", "event", usd("charged", "charged"), usd("repriced", "repriced"),
        usd("amount", "given back"),
    )  # fmt: skip
    list_select_related = ("organization", "event")
    search_fields = ("=run", "=organization__public_id", "=event__request_id")
    readonly_fields: ClassVar[Any] = (
        usd("charged", "charged"),
        usd("repriced", "repriced"),
        usd("amount", "given back"),
        usd_per_million("input_price", "input price"),
        usd_per_million("cached_input_price", "cached input price"),
        usd_per_million("output_price", "output price"),
    )
    exclude = ("charged", "repriced", "amount", "input_price", "cached_input_price", "output_price")
