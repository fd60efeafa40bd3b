"""Alerts: each has its reason, and a threshold that a window passed has its alert."""

from collections import Counter
from collections.abc import Iterator

from billing.models import Alert, AlertReason, SpendingWindow
from billing.verification.difference import Difference, difference
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from billing.verification.windows import is_open
from foundation.keyset import object_pages

FULL = 100


def check(scope: Scope, tally: Tally) -> Iterator[Difference]:
    """Window by window; the tally says what was taken off windows again."""
    windows = SpendingWindow.objects.select_related("limit").filter(**scope.of("limit__organization_id"))
    scope.progress.begin("alerts", windows.count())
    for page in object_pages(windows):
        alerts: dict[int, list[Alert]] = {}
        for alert in Alert.objects.filter(window__in=page).order_by("pk"):
            alerts.setdefault(alert.window_id, []).append(alert)
        for window in page:
            found = alerts.get(window.pk, [])
            yield from _once(window, found)
            for alert in found:
                yield from _justified(alert, window, tally.window_returned.get(window.pk, 0))
            yield from _missing(window, found, scope)
        scope.progress.advance(len(page))


def _once(window: SpendingWindow, alerts: list[Alert]) -> Iterator[Difference]:
    for (version, threshold), number in Counter((one.limit_version, one.threshold) for one in alerts).items():
        if number > 1:
            what = f"alerts of {threshold} % under version {version} of its limit"
            yield difference("window", window.pk, what, 1, number)


def _justified(alert: Alert, window: SpendingWindow, returned: int) -> Iterator[Difference]:
    """By what the alert says of its moment, and by what of that can be known today."""
    limit = window.limit
    if alert.reason == AlertReason.REFUSAL:
        if alert.threshold != FULL:
            yield difference("alert", alert.pk, "threshold of a refusal, percent", FULL, alert.threshold)
    elif not 0 < alert.amount * alert.threshold <= alert.settled * 100:
        expected = f"at least {alert.threshold} % of {alert.amount}"
        yield difference("alert", alert.pk, "settled when it was caused", expected, alert.settled)
    if alert.settled > window.settled + returned:
        expected = f"at most {window.settled + returned}, which is settled now"
        yield difference("alert", alert.pk, "settled when it was caused", expected, alert.settled)
    if (alert.limit_id, alert.organization_id) != (limit.pk, limit.organization_id):
        found = f"limit {alert.limit_id}, organization {alert.organization_id}"
        yield difference("alert", alert.pk, "limit", f"that of window {window.pk}", found)
    if alert.limit_version > limit.version:
        yield difference("alert", alert.pk, "version of its limit", f"at most {limit.version}", alert.limit_version)
    is_present = alert.limit_version == limit.version
    if is_present and (alert.amount != limit.amount or alert.threshold not in limit.thresholds):
        terms = f"{limit.amount} at {limit.thresholds} %"
        yield difference("alert", alert.pk, "terms of its limit", terms, f"{alert.amount} at {alert.threshold} %")


def _missing(window: SpendingWindow, alerts: list[Alert], scope: Scope) -> Iterator[Difference]:
    """Only where the terms are known that held when the threshold was passed: the limit never changed, or the window
    is open and was told of the change.
    """
    limit = window.limit
    if limit.version != 1 and not is_open(window, scope.now):
        return
    told = {alert.threshold for alert in alerts if alert.limit_version == limit.version}
    for percent in sorted(limit.thresholds):
        if 0 < limit.amount * percent <= window.settled * 100 and percent not in told:
            expected = f"one, as {window.settled} of {limit.amount} is settled"
            yield difference("window", window.pk, f"alert of {percent} %", expected, None)
