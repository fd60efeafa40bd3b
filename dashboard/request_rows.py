"""What the Requests tab says of each request, and the page of one: timing, tokens, the arithmetic of its price."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.models import Account, CreditGrant, LedgerEntry
from catalog.models import Price, PriceScope
from dashboard.request_filters import ENDINGS
from dashboard.usage_filters import Scope
from dashboard.usage_lines import key_name
from foundation import shown_dates
from foundation.money import to_usd, usd_per_million_string, usd_string
from foundation.shown_numbers import written
from usage import request_list
from usage.models import UsageEvent

_SOURCES = {
    "upstream": _("reported by the provider"),
    "counted": _("counted here: the provider reported none"),
    "partial": _("counted here, up to where the answer ended"),
    "ingested": _("reported from elsewhere"),
    "voided": _("correction: it did not happen"),
    "amended": _("correction of the tokens"),
}
_TONES = {
    "client_closed": "warn",
    "content_filter": "warn",
    "upstream_error": "danger",
    "interrupted": "danger",
    "recovered": "danger",
}
_CLASSES = (
    ("input", _("Input")),
    ("cached_input", _("Cached input")),
    ("output", _("Output")),
)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request in the list; the time in the profile's zone."""

    event: UsageEvent
    at: datetime
    key: str

    @property
    def url(self) -> str:
        return reverse("dashboard:request", args=[self.event.request_id])

    @property
    def prompt(self) -> int:
        return self.event.input_tokens + self.event.cached_input_tokens

    @property
    def day(self) -> str:
        return shown_dates.day_text(self.at)

    @property
    def time(self) -> str:
        return f"{self.at:%H:%M:%S}"

    @property
    def ending(self) -> str:
        return str(ENDINGS.get(self.event.finish_reason, self.event.finish_reason))

    @property
    def tone(self) -> str:
        failed = "danger" if self.event.status >= 500 else "warn" if self.event.status >= 400 else "ok"
        return _TONES.get(self.event.finish_reason, failed)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """Tokens of one class x their pinned price; `price` USD per 1M tokens, `amount` USD, both exact."""

    name: str
    tokens: int
    price: str
    amount: str
    # Since when the price holds and for whom; empty when the row is gone.
    why: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How the charge came about; all amounts exact USD."""

    lines: list[PriceLine]
    total: str
    # What rounding down to a billionth of a dollar left out; empty when nothing.
    rounded_off: str
    overrun: str
    charge: int


@dataclass(frozen=True, slots=True)
class PaidFrom:
    """A grant that paid for a part of it."""

    grant: CreditGrant
    amount: int


def zone_of(user: User) -> ZoneInfo:
    """The profile's zone."""
    try:
        return ZoneInfo(user.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def rows(events: list[UsageEvent], zone: ZoneInfo) -> list[RequestRow]:
    """The events on a page."""
    return [row(event, zone) for event in events]


def row(event: UsageEvent, zone: ZoneInfo) -> RequestRow:
    """One event."""
    return RequestRow(event, event.occurred_at.astimezone(zone), key_name(event.api_key))


def find(scope: Scope, request_id: str) -> UsageEvent | None:
    """A request of the projects that the person reaches."""
    return request_list.find(scope.organization.pk, scope.project_ids(), request_id)


def timing(event: UsageEvent) -> dict[str, Any]:
    """First token, the rest, and tokens a second while the answer came."""
    first = event.first_token_ms
    spent = event.duration_ms - (first or 0)
    pace = None
    if event.output_tokens and spent > 0:
        pace = (Decimal(event.output_tokens) * 1000 / spent).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return {
        "first": first,
        "rest": None if first is None else max(0, spent),
        "total": event.total_ms,
        "share": 0 if not first or not event.duration_ms else min(1000, first * 1000 // event.duration_ms),
        "pace": written(f"{pace:,}") if pace is not None else "",
    }


def source_words(event: UsageEvent) -> str:
    """Where the token counts come from."""
    return str(_SOURCES.get(event.usage_source, event.usage_source))


def arithmetic(event: UsageEvent) -> Arithmetic:
    """From the prices that were pinned in the event: the lines sum to the total, which is rounded down once."""
    prices = Price.objects.select_related("plan").in_bulk(_price_ids(event))
    ids = [int(text) if text.isdigit() else 0 for text in event.price_ids.split(",")]
    lines = []
    pico = 0
    for place, (name, label) in enumerate(_CLASSES):
        tokens, unit = getattr(event, f"{name}_tokens"), getattr(event, f"{name}_price")
        pico += tokens * unit
        price = prices.get(ids[place]) if place < len(ids) else None
        lines.append(
            PriceLine(
                str(label),
                tokens,
                written(usd_per_million_string(unit)),
                written(pico_usd(tokens * unit)),
                _why(price),
                price.effective_from if price else None,
            )
        )
    rest = pico - (event.charge + event.overrun) * 1000
    return Arithmetic(
        lines=lines,
        total=written(pico_usd(pico)),
        rounded_off=written(pico_usd(rest)) if rest else "",
        overrun=written(usd_string(event.overrun)) if event.overrun else "",
        charge=event.charge,
    )


def paid_from(event: UsageEvent) -> list[PaidFrom]:
    """The grants that the charge was taken from, by the ledger."""
    entries = LedgerEntry.objects.filter(
        transaction=f"event:{event.pk}", account=Account.CREDIT, organization_id=event.organization_id
    ).order_by("pk")
    grants = CreditGrant.objects.in_bulk([entry.grant_id for entry in entries if entry.grant_id])
    return [PaidFrom(grants[entry.grant_id], -entry.amount) for entry in entries if entry.grant_id in grants]


def pico_usd(pico: int) -> str:
    """Exact USD of pico-USD, without an exponent and with at least two decimals."""
    text = f"{to_usd(pico).scaleb(-3):f}"
    whole, _point, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"


def _price_ids(event: UsageEvent) -> list[int]:
    return [int(text) for text in event.price_ids.split(",") if text.isdigit()]


def _why(price: Price | None) -> str:
    if price is None:
        return ""
    if price.scope == PriceScope.ORGANIZATION:
        return str(_("agreed with your organization"))
    if price.scope == PriceScope.PLAN and price.plan:
        return str(_("price of the %(plan)s plan")) % {"plan": price.plan.name}
    return str(_("list price"))
