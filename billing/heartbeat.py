"""Renew the leases of holds that are under way and write down how far they are."""

from django.db import connection, transaction
from django.utils import timezone

from billing.moment import LEASE
from foundation.sql import batch_cursor
from usage.counts import TokenCounts

_RENEW = "UPDATE billing_hold SET lease_until = %s WHERE state = 'active' AND id = ANY(%s)"
_PROGRESS = (
    "UPDATE billing_hold SET progress_input = %s, progress_cached_input = %s, progress_output = %s, "
    "progress_reasoning = %s "
    "WHERE id = %s AND state = 'active'"
)


def renew(hold_ids: list[int], progress: dict[int, TokenCounts]) -> None:
    """Extend every lease (never the amount) and store the newest counts of the holds in `progress`."""
    until = connection.ops.adapt_datetimefield_value(timezone.now() + LEASE)
    with transaction.atomic(), batch_cursor() as cursor:
        cursor.execute(_RENEW, [until, sorted(hold_ids)])
        for pk, seen in sorted(progress.items()):
            cursor.execute(_PROGRESS, [seen.input, seen.cached_input, seen.output, seen.reasoning, pk])
