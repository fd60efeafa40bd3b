"""The whole verification, in its order, of one moment of the books."""

from collections.abc import Iterator

from billing.verification import adjustments, alerts, grants, ingestion, ledger, requests, rollups, seals, windows
from billing.verification.difference import Difference
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from foundation.consistent_read import one_moment


def verify(scope: Scope) -> Iterator[Difference]:
    """Every difference between what is stored and what the raw events say; none is what it should be."""
    with one_moment():
        tally = Tally()
        yield from requests.check(scope, tally)
        yield from ingestion.check(scope, tally)
        yield from ledger.check(scope, tally)
        yield from grants.check(scope, tally)
        yield from adjustments.check(scope)
        yield from windows.check(scope, tally)
        yield from alerts.check(scope, tally)
        yield from rollups.check(scope)
        yield from seals.check(scope)
