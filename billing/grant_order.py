"""Credit grants as people and scripts see them: in the order in which they are used, then those that are past."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

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
    found = CreditGrant.objects.filter(organization=organization, amount__gt=F("burned")).exclude(expires_at__lte=now)
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
    found = CreditGrant.objects.filter(organization=organization)
    gone = found.filter(amount__lte=F("burned")) | found.filter(expires_at__lte=now)
    ordered = gone.order_by("-created_at", "-pk")[:most]
    return [Placed(one, 0, USED if one.amount <= one.burned else EXPIRED) for one in ordered]
