"""What cached input saved: from the prices that were pinned in the events, so that it is exact."""

from django.db.models import Sum

from foundation.money import PICO_PER_NANO
from usage.models import UsageEvent
from usage.reports import Filter


def cached_savings(chosen: Filter) -> int:
    """Nano-USD that the filter's cached tokens would have cost more at the price of input, rounded down once."""
    # Corrections of ingested events have tokens below zero.
    events = UsageEvent.objects.filter(**chosen.lookups("occurred_at")).exclude(cached_input_tokens=0).order_by()
    rows = events.values_list("input_price", "cached_input_price").annotate(tokens=Sum("cached_input_tokens"))
    pico = sum((price - cached) * tokens for price, cached, tokens in rows)
    return pico // PICO_PER_NANO
