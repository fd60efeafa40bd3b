"""What operators see of the status page's past days, and of how providers answer: facts, read-only."""

from django.contrib import admin

from billing.models import HouseDay, ModelDay, ProviderHealth
from foundation.facts_admin import FactsAdmin


@admin.register(ModelDay)
class ModelDayAdmin(FactsAdmin):
    list_display = ("day", "model", "answered", "failed", "bad_minutes")
    list_filter = ("day",)
    search_fields = ("=model",)


@admin.register(HouseDay)
class HouseDayAdmin(FactsAdmin):
    list_display = ("day", "first_minute", "last_minute", "minutes")
    list_filter = ("day",)
    search_fields = ("=day",)


@admin.register(ProviderHealth)
class ProviderHealthAdmin(FactsAdmin):
    list_display = ("provider", "down_since", "failed_in_a_row", "failing_since", "failure", "answered_at", "failed_at")
    list_filter = (("down_since", admin.EmptyFieldListFilter),)
    list_select_related = ("provider",)
    search_fields = ("provider__name",)
