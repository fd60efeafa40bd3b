"""The tables of usage, one noun a file."""

from usage.models.event import UsageEvent
from usage.models.rollup import KeySpan, PendingRollup, ProjectSpan, UsageRollup

__all__ = ["KeySpan", "PendingRollup", "ProjectSpan", "UsageEvent", "UsageRollup"]
