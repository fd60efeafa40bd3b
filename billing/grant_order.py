"""Credit grants as people and scripts see them: in the order in which they are used, then those that are past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from accounts.models import Organization
from billing.models import CreditGrant

LIVE, LATER, USED, EXPIRED = "live", "later", "used", "expired"
STATES = (LIVE, LATER, USED, EXPIRED)


@dataclass(frozen=True, slots=True)
class Placed:
    """A grant and how it stands; `number` is its place in the order of use, from 1, of a live one."""

    grant: CreditGrant
    number: int
    state: str

    @property
    def left(self) -> int:
        """Nano-USD that neither a request used nor one holds."""
        return self.grant.amount - self.grant.burned - self.grant.held


def open_grants(organization: Organization, now: datetime) -> list[Placed]:
    """Those that can be used, in the order of admission, then those that begin later."""
    found = CreditGrant.objects.filter(standing(LIVE, now) | standing(LATER, now), organization=organization)
    # By priority, then expiry, then free before paid, then age.
    ordered = found.order_by("priority", F("expires_at").asc(nulls_last=True), "is_paid", "pk")
    live = [one for one in ordered if one.starts_at <= now]
    later = [one for one in ordered if one.starts_at > now]
    return [
        *(Placed(one, number, LIVE) for number, one in enumerate(live, start=1)),
        *(Placed(one, 0, LATER) for one in later),
    ]


def past_grants(organization: Organization, now: datetime, most: int) -> list[Placed]:
    """The newest of those that are used up or expired."""
    found = CreditGrant.objects.filter(standing(USED, now) | standing(EXPIRED, now), organization=organization)
    return [_past(one) for one in found.order_by("-created_at", "-pk")[:most]]


def placed(organization: Organization, grants: Sequence[CreditGrant], now: datetime) -> list[Placed]:
    """These grants, each with its place."""
    known = {one.grant.pk: one for one in open_grants(organization, now)}
    return [known.get(one.pk) or _past(one) for one in grants]


def standing(state: str, now: datetime) -> Q:
    """The grants that stand so: one that is both used up and expired is used up."""
    is_left, has_ended = Q(amount__gt=F("burned")), Q(expires_at__isnull=False, expires_at__lte=now)
    if state == USED:
        return ~is_left
    if state == EXPIRED:
        return is_left & has_ended
    return is_left & ~has_ended & (Q(starts_at__lte=now) if state == LIVE else Q(starts_at__gt=now))


def _past(grant: CreditGrant) -> Placed:
    return Placed(grant, 0, USED if grant.amount <= grant.burned else EXPIRED)
