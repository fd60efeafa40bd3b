"""What an event becomes: the row that records it, and what it adds to the sums."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from accounts.models import Organization
from billing.ingestion.attribution import Attribution, Owner
from billing.ingestion.event import Rejected, Reported
from billing.ingestion.pricing import Pricing, charge
from foundation.money import UnitPrices
from foundation.periods import BUCKET
from foundation.sql import instant
from usage.counts import TokenCounts
from usage.models.event import INGESTED
from usage.savings import saving

LATE = timedelta(days=35)
EARLY = timedelta(minutes=5)
_SECONDS = int(BUCKET.total_seconds())
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST_REQUEST_ID = 40
# So begin the ids of the gateway's own requests.
_OURS = "req_"


@dataclass(slots=True)
class Draft:
    """A usage event that is to be recorded. `counts` and `charge` (nano-USD) are differences where it corrects one."""

    event_id: int
    reported: Reported
    owner: Owner
    model: str
    at: datetime
    counts: TokenCounts
    prices: UnitPrices
    price_ids: str
    charge: int
    request_id: str
    requests: int = 1
    usage_source: str = INGESTED

    @property
    def bucket(self) -> int:
        """The start of its 15 minutes, unix seconds."""
        return int(self.at.timestamp()) // _SECONDS * _SECONDS


class Place(NamedTuple):
    """Where usage is summed up; `bucket` in unix seconds."""

    project_id: int
    key_id: int
    model: str
    bucket: int

    @property
    def starts_at(self) -> datetime:
        """The start of the bucket."""
        return datetime.fromtimestamp(self.bucket, UTC)


@dataclass(slots=True)
class Sum:
    """What a batch adds in one place; `event_id` names one of its events."""

    event_id: int
    requests: int = 0
    input: int = 0
    cached_input: int = 0
    output: int = 0
    charge: int = 0
    saved: int = 0
    saved_pico: int = 0

    @property
    def tokens(self) -> int:
        """Input, cached input and output together."""
        return self.input + self.cached_input + self.output


def usage(event_id: int, reported: Reported, attribution: Attribution, pricing: Pricing, now: datetime) -> Draft:
    """The draft of a usage event; its time has been checked. Raises Rejected."""
    owner = attribution.owner(reported)
    assert reported.counts is not None
    at = reported.at or now
    model: str = reported.data["model"]
    prices, price_ids = pricing.priced(model, at)
    return Draft(
        event_id=event_id,
        reported=reported,
        owner=owner,
        model=model,
        at=at,
        counts=reported.counts,
        prices=prices,
        price_ids=price_ids,
        charge=charge(reported.counts, prices),
        request_id=_told_id(reported.data.get("request_id")) or request_id(reported.id, event_id),
    )


def check_time(at: datetime, now: datetime, late: timedelta) -> None:
    """Raises Rejected for what lies too far back or ahead."""
    if at < now - late:
        raise Rejected("too_old", f"The event is older than {late.days} days.", "time")
    if at > now + EARLY:
        minutes = int(EARLY.total_seconds()) // 60
        raise Rejected("too_early", f"The event lies more than {minutes} minutes in the future.", "time")


def summed(drafts: list[Draft]) -> dict[Place, Sum]:
    """What the drafts add, place by place."""
    sums: dict[Place, Sum] = {}
    for draft in drafts:
        place = Place(*draft.owner, draft.model, draft.bucket)
        found = sums.get(place)
        if found is None:
            found = sums[place] = Sum(draft.event_id)
        counts = draft.counts
        found.requests += draft.requests
        found.input += counts.input
        found.cached_input += counts.cached_input
        found.output += counts.output
        found.charge += draft.charge
        if counts.cached_input:
            nano, pico = saving(counts.cached_input, draft.prices.input, draft.prices.cached_input)
            found.saved += nano
            found.saved_pico += pico
    return sums


def rows(drafts: list[Draft], organization: Organization, batch_id: int) -> list[tuple[Any, ...]]:
    """The drafts as rows of EVENTS."""
    made = []
    organization_id = organization.pk
    for draft in drafts:
        reported, counts, prices, data = draft.reported, draft.counts, draft.prices, draft.reported.data
        made.append(
            (
                draft.event_id,
                organization_id,
                draft.owner.project_id,
                draft.owner.key_id,
                draft.request_id,
                draft.model,
                instant(draft.at),
                data.get("first_token_ms"),
                data.get("duration_ms", 0),
                data.get("stream", False),
                data.get("status", 200),
                data.get("error_code", ""),
                data.get("finish_reason", ""),
                draft.usage_source,
                counts.input,
                counts.cached_input,
                counts.output,
                prices.input,
                prices.cached_input,
                prices.output,
                draft.price_ids,
                draft.charge,
                0,
                reported.source,
                reported.id,
                reported.identity,
                reported.digest,
                batch_id,
                counts.reasoning,
            )
        )
    return made


def request_id(external_id: str, event_id: int) -> str:
    """The reporter's own id of an event where it can stand in an address."""
    plain = external_id if _PLAIN.issuperset(external_id) else ""
    return _told_id(plain) or f"evt_{event_id}"


def _told_id(said: str | None) -> str:
    """What the request is called elsewhere; nothing where that has no address. Ids of ours are not for the taking."""
    if not said or "/" in said or not said.strip("."):
        return ""
    name = f"ext_{said}" if said.startswith(_OURS) else said
    return name if len(name) <= _LONGEST_REQUEST_ID else ""
