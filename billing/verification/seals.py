"""The seals of past days: each says what its day still says, and the chain has no gap."""

from collections.abc import Iterator
from datetime import timedelta

from billing import day_seals
from billing.models import NO_SEAL, DaySeal
from billing.verification.difference import Difference, compare
from billing.verification.scope import Scope


def check(scope: Scope) -> Iterator[Difference]:
    """Every seal, or the newest `seal_days`, oldest first: the first difference is the first day that was changed.

    A seal is of everybody's facts, so it is not looked at for one organization.
    """
    if scope.organization_id is not None:
        return
    seals = DaySeal.objects.order_by("day")
    skipped = 0 if scope.seal_days is None else max(0, seals.count() - scope.seal_days)
    scope.progress.begin("day seals", seals.count() - skipped)
    before = seals[skipped - 1] if skipped else None
    # One row a day: they are few.
    for seal in seals[skipped:]:
        yield from _chained(seal, before)
        yield from _recomputed(seal, is_first=before is None)
        before = seal
        scope.progress.advance(1)


def _chained(seal: DaySeal, before: DaySeal | None) -> Iterator[Difference]:
    values = [("previous hash", before.hash if before else NO_SEAL, seal.previous_hash)]
    if before is not None:
        values.append(("day after the last sealed one", str(before.day + timedelta(days=1)), str(seal.day)))
    yield from compare("day", seal.day, values)


def _recomputed(seal: DaySeal, *, is_first: bool) -> Iterator[Difference]:
    """Expected is what was sealed, found is what the books say today."""
    content = day_seals.read(seal.day, seal.previous_hash, is_first=is_first)
    names = day_seals.CONTENT
    yield from compare(
        "day", seal.day, [(f"sealed {name}", getattr(seal, name), getattr(content, name)) for name in names]
    )
