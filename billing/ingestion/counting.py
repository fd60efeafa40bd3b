"""Count ingested usage into the windows of limits: softly, because what was used cannot be refused any more."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Max, Q

from accounts.models import Organization
from billing import windows
from billing.ingestion.draft import Place, Sum
from billing.models import SpendingLimit, SpendingWindow
from billing.terms import WindowLeg
from foundation import periods
from foundation.sql import Cursor

# Where a hard limit is passed this way, the ceiling rises to what was used; requests still meet the cap.
_COUNT = """
    UPDATE billing_spendingwindow SET settled = settled + %s, ceiling = CASE WHEN cap IS NULL THEN NULL
        WHEN settled + held + %s > ceiling THEN settled + held + %s ELSE ceiling END
    WHERE id = %s RETURNING id, settled, next_alert"""


def legs(organization: Organization, sums: dict[Place, Sum]) -> list[WindowLeg]:
    """What the sums add to each window of the organization's limits, in the order of windows; opens missing windows.

    A limit counts in the period in which something was used, from the first one on: that in which the limit was set.
    """
    limits = list(SpendingLimit.objects.filter(organization=organization, removed_at=None).order_by("pk"))
    if not limits:
        return []
    instants = [place.starts_at for place in sums]
    known = _known(limits, min(instants), max(instants))
    amounts: Counter[tuple[int, str]] = Counter()
    for limit in limits:
        for place, total in sums.items():
            if not _is_on(limit, place):
                continue
            window = _window(limit, place.starts_at, known, organization.zone)
            if window is not None:
                amounts[window.pk, limit.measure] += measured(limit.measure, total)
    return [WindowLeg(pk, measure, amount) for (pk, measure), amount in sorted(amounts.items()) if amount]


def measured(measure: str, total: Sum) -> int:
    """What a measure counts of some usage: nano-USD, tokens or requests."""
    return {windows.USD: total.charge, windows.TOKENS: total.tokens}.get(measure, total.requests)


def count(cursor: Cursor, found: Iterable[WindowLeg]) -> list[int]:
    """Move the windows, in their order; those whose next alert must be looked at."""
    moved = []
    for leg in found:
        [(pk, settled, next_alert)] = cursor.execute(
            _COUNT, [leg.amount, leg.amount, leg.amount, leg.window_id]
        ).fetchall()
        if leg.amount < 0 or (next_alert is not None and settled >= next_alert):
            moved.append(pk)
    return moved


def _is_on(limit: SpendingLimit, place: Place) -> bool:
    if limit.api_key_id:
        return limit.api_key_id == place.key_id
    return limit.project_id is None or limit.project_id == place.project_id


def _known(limits: list[SpendingLimit], first: datetime, last: datetime) -> dict[int, list[SpendingWindow]]:
    within = Q(starts_at__lte=last) & (Q(ends_at=None) | Q(ends_at__gt=first))
    found: dict[int, list[SpendingWindow]] = {limit.pk: [] for limit in limits}
    for window in SpendingWindow.objects.filter(within, limit__in=limits):
        found[window.limit_id].append(window)
    return found


def _window(
    limit: SpendingLimit, at: datetime, known: dict[int, list[SpendingWindow]], zone: ZoneInfo
) -> SpendingWindow | None:
    found = _containing(known[limit.pk], at)
    if found is not None:
        return found
    # As it was in the zone of then: what was counted nowhere is never taken back, wherever the organization moves.
    begins_at = _begins_at(limit, zone)
    if begins_at is not None and at < begins_at:
        return None
    windows.open_window(limit.pk, zone, at)
    known[limit.pk] = list(SpendingWindow.objects.filter(limit=limit))
    return _containing(known[limit.pk], at)


def _begins_at(limit: SpendingLimit, zone: ZoneInfo) -> datetime | None:
    """The start of the window that was opened with the limit; None for a lifetime."""
    opened = limit.windows.filter(starts_at__lte=limit.created_at).aggregate(last=Max("starts_at"))["last"]
    return opened or periods.bounds(limit.window, limit.created_at, zone)[0]


def _containing(found: list[SpendingWindow], at: datetime) -> SpendingWindow | None:
    return next((one for one in found if one.starts_at <= at and (one.ends_at is None or at < one.ends_at)), None)
