"""The tables of usage, one noun a file."""

from usage.models.event import UsageEvent
from usage.models.rollup import PendingRollup, UsageRollup

__all__ = ["PendingRollup", "UsageEvent", "UsageRollup"]
