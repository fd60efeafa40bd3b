"""What the key pages show beside the key itself: use, spend, history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, AuditEntry
from accounts.roles import Permission
from dashboard import figures, limits_held
from dashboard.access import Desk
from foundation import periods
from usage import last_use, reports
from usage.models import UsageEvent

_STATUS_LABELS: dict[str, tuple[Any, str]] = {
    "active": (_("Active"), "ok"),
    "expires_soon": (_("Expires soon"), "warn"),
    "expired": (_("Expired"), ""),
    "disabled": (_("Disabled"), "warn"),
    "revoked": (_("Revoked"), "danger"),
}
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key on the page; spend in nano-USD, None where the role does not see money, and as its column shows it."""

    key: ApiKey
    hint: str
    status: str
    tone: str
    last_used: datetime | None
    spent: int | None
    spent_text: str
    may_manage: bool
    retiring_until: datetime | None
    # What its fullest limit allows, such as “of $10.00”; empty without a limit that this person sees.
    limit_text: str = ""


@dataclass(frozen=True, slots=True)
class RecentUse:
    """What revoking would break."""

    requests: int
    last_used: datetime | None


def may_see(desk: Desk, key: ApiKey) -> bool:
    """Whether the key's project is among those that the person sees."""
    return key.project_id in {project.pk for project in desk.projects()}


def rows(desk: Desk, found: list[ApiKey]) -> list[KeyRow]:
    """Rows with last use and this month's spend, in a fixed number of queries."""
    now = timezone.now()
    ids = [key.pk for key in found]
    used = last_use.by_key(ids)
    start = periods.month_start(now, desk.organization.zone)
    this_month = reports.Filter(desk.organization.pk, start, now + timedelta(minutes=15), key_ids=tuple(ids))
    spent = reports.breakdown(this_month, "key") if ids else {}
    hints = desk.may(Permission.MANAGE_OWN_KEYS)
    places = figures.places_for(sums.charge for sums in spent.values())
    fullest = limits_held.fullest(desk, "api_key", ids, now)
    made = []
    for key in found:
        limit = fullest.get(key.pk, limits_held.Fullest())
        label, tone = _status(key, limit.is_over, now)
        retiring = key.retiring_secret(now)
        sums = spent.get(key.pk, reports.Sums())
        made.append(
            KeyRow(
                key=key,
                hint=key.hint if hints else "",
                status=str(label),
                tone=tone,
                last_used=used.get(key.pk),
                spent=sums.charge if desk.sees_money else None,
                spent_text=figures.usd_places(sums.charge, places) if desk.sees_money else "—",
                may_manage=desk.may_manage(key) and not key.revoked_at,
                retiring_until=retiring.ends_at if retiring else None,
                limit_text=limit.text,
            )
        )
    return made


def _status(key: ApiKey, is_over: bool, now: datetime) -> tuple[Any, str]:
    """A key that works and whose limit is used up is over it."""
    status = key.status(now)
    if is_over and status in ("active", "expires_soon"):
        return _("Over limit"), "danger"
    return _STATUS_LABELS[status]


def recent_use(key: ApiKey) -> RecentUse:
    """Requests in the last seven days and the last one ever."""
    since = timezone.now() - WEEK
    return RecentUse(
        requests=UsageEvent.objects.filter(api_key=key, occurred_at__gte=since).count(),
        last_used=last_use.by_key([key.pk]).get(key.pk),
    )


def history(key: ApiKey) -> list[AuditEntry]:
    """The newest changes of the key."""
    return list(
        AuditEntry.objects.select_related("actor").filter(
            organization=key.organization, object_type="ApiKey", object_id=key.public_id
        )[:50]
    )
