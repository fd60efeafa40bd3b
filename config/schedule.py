"""What runs by the clock. One table, read by the ticker of `manage.py serve` and by Celery beat.

Each function claims the rows it works on, so any number of processes may call it at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.sessions.backends.db import SessionStore

from accounts import idempotency
from billing import recovery, refused
from usage import rollups


@dataclass(frozen=True, slots=True)
class Job:
    """A function and the seconds between two calls of it."""

    name: str
    run: Callable[[], object]
    every: float


JOBS = (
    Job("fold-usage", rollups.fold_pending, every=5.0),
    Job("recover-holds", recovery.watch_stale_holds, every=10.0),
    Job("forget-old-refusals", refused.forget_old, every=60.0),
    Job("forget-repeatable-requests", idempotency.forget_expired, every=60.0),
    Job("clear-sessions", SessionStore.clear_expired, every=3600.0),
)
