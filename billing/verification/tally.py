"""What holds, events and ledger entries add up to, to be compared with the sums that are stored."""

from collections import defaultdict
from dataclasses import dataclass, field


def _sums() -> defaultdict[int, int]:
    return defaultdict(int)


@dataclass(slots=True)
class Tally:
    """Amounts are nano-USD, of windows in their limit's measure."""

    # By grant.
    held: defaultdict[int, int] = field(default_factory=_sums)
    granted: defaultdict[int, int] = field(default_factory=_sums)
    burned: defaultdict[int, int] = field(default_factory=_sums)
    # By grant: the account that its credit came from.
    source: dict[int, str] = field(default_factory=dict)
    # By window.
    window_held: defaultdict[int, int] = field(default_factory=_sums)
    window_settled: defaultdict[int, int] = field(default_factory=_sums)
    # By window: what corrections of ingested usage took off it again.
    window_returned: defaultdict[int, int] = field(default_factory=_sums)
    # By organization: credit by the ledger.
    credit: defaultdict[int, int] = field(default_factory=_sums)
