"""Spending windows: what is settled and held on them, and that no cap was passed."""

from collections.abc import Iterator
from datetime import datetime

from billing import windows
from billing.models import SpendingWindow
from billing.verification.difference import Difference, compare, difference
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from foundation.keyset import object_pages


def check(scope: Scope, tally: Tally) -> Iterator[Difference]:
    """Every window against the tally, which is used up."""
    found = SpendingWindow.objects.select_related("limit").filter(**scope.of("limit__organization_id"))
    scope.progress.begin("spending windows", found.count())
    for page in object_pages(found):
        for window in page:
            yield from _window(window, tally)
            if is_open(window, scope.now):
                yield from _open(window)
        scope.progress.advance(len(page))


def is_open(window: SpendingWindow, now: datetime) -> bool:
    """Whether its limit's present terms are those that it is held to."""
    is_present = window.starts_at <= now and (window.ends_at is None or now < window.ends_at)
    return is_present and window.limit.removed_at is None


def _window(window: SpendingWindow, tally: Tally) -> Iterator[Difference]:
    measure = window.limit.measure
    values = [
        (f"settled ({measure})", window.opening + tally.window_settled.pop(window.pk, 0), window.settled),
        (f"held ({measure})", tally.window_held.pop(window.pk, 0), window.held),
        ("has a ceiling, as it has a cap", window.cap is not None, window.ceiling is not None),
    ]
    yield from compare("window", window.pk, values)
    used = window.settled + window.held
    if min(window.opening, window.settled, window.held) < 0:
        found = f"opening {window.opening}, settled {window.settled}, held {window.held}"
        yield difference("window", window.pk, "use", "nothing below zero", found)
    if window.ceiling is not None and (used > window.ceiling or window.ceiling < (window.cap or 0)):
        found = f"settled + held {used}, cap {window.cap}, ceiling {window.ceiling}"
        yield difference("window", window.pk, "ceiling", "not passed, and not below the cap", found)


def _open(window: SpendingWindow) -> Iterator[Difference]:
    """An open window follows its limit."""
    limit = window.limit
    following = windows.next_alert(limit.amount, limit.thresholds, window.settled)
    values = [
        ("cap", limit.amount if limit.is_hard else None, window.cap),
        ("settled amount of its next alert", following, window.next_alert),
    ]
    yield from compare("window", window.pk, values)
