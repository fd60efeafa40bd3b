"""What runs by the clock. One table, read by the ticker of `manage.py serve` and by Celery beat.

Each function claims the rows it works on, so any number of processes may call it at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.sessions.backends.db import SessionStore

from accounts import closing, idempotency
from billing import (
    announcing,
    day_seals,
    delivering,
    dispatching,
    health_days,
    low_balance,
    provider_health,
    recovery,
    refused,
)
from billing.exporting import running as exporting
from usage import rollups


@dataclass(frozen=True, slots=True)
class Job:
    """A function and the seconds between two calls of it."""

    name: str
    run: Callable[[], object]
    every: float
    # Of the ticker: what waits for other people's servers must not keep those waiting that only need the database.
    thread: str = "ticker"


JOBS = (
    Job("fold-usage", rollups.fold_pending, every=5.0),
    Job("recover-holds", recovery.watch_stale_holds, every=10.0),
    Job("forget-old-refusals", refused.forget_old, every=60.0),
    Job("watch-balances", low_balance.watch_balances, every=15.0),
    Job("watch-providers", provider_health.watch_providers, every=5.0),
    Job("announce-changes", announcing.announce_changes, every=2.0),
    Job("dispatch-messages", dispatching.dispatch_messages, every=2.0),
    Job("deliver-messages", delivering.deliver_due, every=2.0, thread="ticker-out"),
    Job("export-days", exporting.export_due, every=30.0, thread="ticker-exports"),
    Job("forget-repeatable-requests", idempotency.forget_expired, every=60.0),
    Job("delete-accounts", closing.finish_due, every=600.0),
    Job("count-minutes", health_days.count_minute, every=20.0),
    Job("sum-up-days", health_days.sum_up, every=300.0),
    Job("seal-days", day_seals.seal_days, every=600.0),
    Job("clear-sessions", SessionStore.clear_expired, every=3600.0),
)
