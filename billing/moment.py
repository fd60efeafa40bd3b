"""The instant of a batch, as Python and the database take it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from foundation.sql import instant

# How long a hold lives without a heartbeat.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Moment:
    """`value` and `lease_value` (its end of a new hold's lease) are what the driver takes."""

    now: datetime
    value: Any
    lease_value: Any


def moment_at(now: datetime | None = None) -> Moment:
    """The moment of `now` (this instant)."""
    now = now or timezone.now()
    return Moment(now, instant(now), instant(now + LEASE))
