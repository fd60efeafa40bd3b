"""Credit grants and balances: as granted, held and burned by the ledger and the holds."""

from collections.abc import Iterator

from billing.models import Account, CreditGrant, GrantKind
from billing.verification.difference import Difference, compare, difference
from billing.verification.rows import count
from billing.verification.scope import Scope
from billing.verification.tally import Tally
from foundation.keyset import object_pages

_SOURCES: dict[str, Account] = {GrantKind.PAYMENT: Account.CASH, GrantKind.ADJUSTMENT: Account.REVENUE}


def check(scope: Scope, tally: Tally) -> Iterator[Difference]:
    """Every grant against the tally, which is used up; then every balance."""
    scope.progress.begin("credit grants", count("billing_creditgrant", scope))
    left: dict[int, int] = {}
    for page in object_pages(CreditGrant.objects.filter(**scope.of("organization_id"))):
        for grant in page:
            yield from _grant(grant, tally)
            left[grant.organization_id] = left.get(grant.organization_id, 0) + grant.amount - grant.burned
        scope.progress.advance(len(page))
    for name, amounts in (("held", tally.held), ("granted", tally.granted), ("burned", tally.burned)):
        for grant_id, amount in amounts.items():
            if amount:
                yield difference("grant", grant_id, f"{name} without a grant", 0, amount)
    for organization_id in sorted(left.keys() | tally.credit.keys()):
        balance, credit = left.get(organization_id, 0), tally.credit.get(organization_id, 0)
        yield from compare("organization", organization_id, [("balance by its grants", credit, balance)])


def _grant(grant: CreditGrant, tally: Tally) -> Iterator[Difference]:
    source = tally.source.pop(grant.pk, None)
    values = [
        ("ledger entry of its credit", grant.amount, tally.granted.pop(grant.pk, None)),
        ("account of its credit", _SOURCES.get(grant.kind, Account.PROMOTION).value, source),
        ("burned", tally.burned.pop(grant.pk, 0), grant.burned),
        ("held", tally.held.pop(grant.pk, 0), grant.held),
    ]
    yield from compare("grant", grant.pk, values)
    if min(grant.burned, grant.held) < 0 or grant.burned + grant.held > grant.amount:
        bounds = f"0 <= burned + held <= {grant.amount}"
        yield difference("grant", grant.pk, "use", bounds, f"{grant.burned} + {grant.held}")
