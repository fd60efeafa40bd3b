"""The tables of usage, one noun a file."""

from usage.models.event import UsageEvent
from usage.models.rollup import KeySpan, KeyTotal, PendingRollup, ProjectSpan, UsageRollup

__all__ = ["KeySpan", "KeyTotal", "PendingRollup", "ProjectSpan", "UsageEvent", "UsageRollup"]
