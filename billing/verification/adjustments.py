"""Adjustments: each is the difference that its prices make, and a run's grant is the sum of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from billing import repricing
from billing.models import Adjustment, CreditGrant, GrantKind, Hold
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import count
from billing.verification.scope import Scope
from foundation.keyset import object_pages
from foundation.money import UnitPrices
from usage.counts import TokenCounts


def check(scope: Scope) -> Iterator[Difference]:
    """Every adjustment, then every grant that carries some."""
    scope.progress.begin("adjustments", count("billing_adjustment", scope))
    given: Counter[int] = Counter()
    adjustments = Adjustment.objects.select_related("event", "grant").filter(**scope.of("organization_id"))
    for page in object_pages(adjustments):
        holds = Hold.objects.in_bulk([one.event_id for one in page])
        earlier = _by_event(page)
        for one in page:
            given[one.grant_id] += one.amount
            before = sum(other.amount for other in earlier[one.event_id] if other.pk < one.pk)
            yield from _adjustment(one, holds.get(one.event_id), before)
        scope.progress.advance(len(page))
    grants = CreditGrant.objects.filter(kind=GrantKind.ADJUSTMENT, **scope.of("organization_id"))
    for grants_page in object_pages(grants):
        for grant in grants_page:
            yield from compare("grant", grant.pk, [("sum of its adjustments", given.pop(grant.pk, 0), grant.amount)])
    for grant_id, amount in given.items():
        yield difference("grant", grant_id, "adjustments of a grant of another kind", 0, amount)


def _by_event(page: list[Adjustment]) -> defaultdict[int, list[Adjustment]]:
    """All adjustments of the page's events."""
    found: defaultdict[int, list[Adjustment]] = defaultdict(list)
    for one in Adjustment.objects.filter(event__in=[one.event_id for one in page]):
        found[one.event_id].append(one)
    return found


def _adjustment(one: Adjustment, hold: Hold | None, before: int) -> Iterator[Difference]:
    event, grant = one.event, one.grant
    values = [
        ("organization", event.organization_id, one.organization_id),
        ("charge so far", event.charge - before, one.charged),
        ("amount", one.charged - one.repriced, one.amount),
        ("source of its grant", repricing.source(one.run), grant.source),
        ("organization of its grant", event.organization_id, grant.organization_id),
    ]
    if hold is not None:
        counts = TokenCounts(event.input_tokens, event.cached_input_tokens, event.output_tokens)
        prices = UnitPrices(one.input_price, one.cached_input_price, one.output_price)
        repriced = repricing.value(counts, prices, hold.input_bound, hold.output_cap)
        values.append(("charge at its prices", repriced, one.repriced))
    yield from compare("adjustment", one.pk, values)
