"""What the Limits page says of limits: how much of each is gone, which alerts they gave, and the pace of requests."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import TruncMinute
from django.urls import reverse

from accounts.models import ApiKey, Organization, Project
from billing import alerting, limit_list, limits
from billing.limits import Status
from billing.models import Alert, AlertReason, Hold, Measure, RefusalCount, SpendingLimit, Window
from dashboard import figures, limit_words, rate_status
from dashboard.usage_filters import Scope
from dashboard.usage_lines import key_name

MOST = 200
_ALERTS = 20
_RATES = 50
_SCOPES = list(limit_words.SCOPES)


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit and its open window; `filled` in thousandths of the limit."""

    limit: SpendingLimit
    status: Status
    subject: str
    subject_url: str
    resets: str
    resets_in: str

    @property
    def name(self) -> str:
        return limit_words.name_of(self.limit.measure, self.limit.window)

    @property
    def scope(self) -> str:
        return str(limit_words.SCOPES[self.limit.scope])

    @property
    def used(self) -> str:
        return limit_words.amount(self.limit.measure, self.status.settled)

    @property
    def used_exact(self) -> str:
        return limit_words.typed(self.limit.measure, self.status.settled)

    @property
    def held(self) -> str:
        return limit_words.amount(self.limit.measure, self.status.held) if self.status.held else ""

    @property
    def left(self) -> str:
        return limit_words.amount(self.limit.measure, self.status.left)

    @property
    def left_exact(self) -> str:
        return limit_words.typed(self.limit.measure, self.status.left)

    @property
    def amount(self) -> str:
        return limit_words.exact(self.limit.measure, self.limit.amount)

    @property
    def amount_exact(self) -> str:
        return limit_words.typed(self.limit.measure, self.limit.amount)

    @property
    def taken(self) -> int:
        """Settled and held."""
        return self.status.settled + self.status.held

    @property
    def filled(self) -> int:
        if not self.limit.amount:
            return 1000
        return min(1000, self.taken * 1000 // self.limit.amount)

    @property
    def percent(self) -> str:
        return figures.percent(self.taken, self.limit.amount)

    @property
    def is_reached(self) -> bool:
        return self.status.left == 0

    @property
    def is_close(self) -> bool:
        """Whether the first threshold above three quarters is near or passed."""
        return not self.is_reached and self.filled >= 800


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert as it was when it was given."""

    alert: Alert
    name: str
    subject: str
    used: str
    amount: str

    @property
    def is_refusal(self) -> bool:
        return self.alert.reason == AlertReason.REFUSAL


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests of the last 60 seconds against a limit a minute, and how many were refused for it in a day."""

    name: str
    url: str
    used: int
    limit: int
    note: str
    refused: int
    # The most in a minute of the last 24 hours.
    peak: int = 0

    @property
    def peak_percent(self) -> str:
        return figures.percent(self.peak, self.limit)


@dataclass(frozen=True, slots=True)
class Reached:
    """The organization's hard limit that refuses requests now."""

    measure: str
    amount: str
    until: str


def reached(organization: Organization, now: datetime) -> Reached | None:
    """By the alert that told so: a limit seldom lands on its very amount."""
    told = Alert.objects.filter(
        Q(window__ends_at=None) | Q(window__ends_at__gt=now),
        organization=organization,
        threshold__gte=alerting.FULL,
        limit_version=F("limit__version"),
        limit__project=None,
        limit__api_key=None,
        limit__is_hard=True,
        limit__removed_at=None,
    )
    found = told.select_related("limit", "window").order_by("-created_at").first()
    if found is None:
        return None
    until = limit_words.until(found.window.ends_at, organization.zone) if found.window.ends_at else ""
    return Reached(found.limit.measure, limit_words.exact(found.limit.measure, found.limit.amount), until)


def subject_name(subject: Organization | Project | ApiKey) -> str:
    """As pages name what a limit is on."""
    return key_name(subject) if isinstance(subject, ApiKey) else subject.name


def rows(scope: Scope, now: datetime) -> list[LimitRow]:
    """The organization's limits first, then projects', then keys'."""
    found = list(limit_list.in_force(scope).select_related("api_key__project")[:MOST])
    made = [row(status, scope, now) for status in limits.status(found, now)]
    windows = list(Window.values)
    made.sort(
        key=lambda one: (
            _SCOPES.index(one.limit.scope),
            one.subject.casefold(),
            windows.index(one.limit.window),
            one.limit.pk,
        )
    )
    return made


def closest(found: list[LimitRow], most: int) -> list[LimitRow]:
    """Those of which most is used, fullest first."""
    return sorted(found, key=lambda one: -one.filled)[:most]


def monthly(found: list[LimitRow]) -> LimitRow | None:
    """The organization's limit of money a month."""
    wanted = ("organization", Measure.USD, Window.MONTH)
    return next((row for row in found if (row.limit.scope, row.limit.measure, row.limit.window) == wanted), None)


def row(status: Status, scope: Scope, now: datetime) -> LimitRow:
    """One limit on the page."""
    limit = status.limit
    return LimitRow(
        limit=limit,
        status=status,
        subject=subject_name(limit.subject),
        subject_url=_url(limit),
        resets=limit_words.until(status.resets_at, scope.organization.zone),
        resets_in=limit_words.days_to(status.resets_at, now),
    )


def _url(limit: SpendingLimit) -> str:
    if limit.project:
        return reverse("dashboard:project", args=[limit.project.public_id])
    if limit.api_key and not limit.api_key.is_playground:
        return reverse("dashboard:key", args=[limit.api_key.public_id])
    return ""


def alerts(scope: Scope) -> list[AlertRow]:
    """The newest alerts of limits that this person sees, removed limits included."""
    found = limit_list.alerts(scope)
    return [
        AlertRow(
            alert=alert,
            name=limit_words.name_of(alert.limit.measure, alert.limit.window),
            subject=subject_name(alert.limit.subject),
            used=limit_words.amount(alert.limit.measure, alert.settled),
            amount=limit_words.exact(alert.limit.measure, alert.amount),
        )
        for alert in found.order_by("-created_at", "-pk")[:_ALERTS]
    ]


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit that tells people, when it does, and when it last did."""

    row: LimitRow
    last: datetime | None


def rules(found: list[LimitRow]) -> list[Rule]:
    """The limits with thresholds, in the order of the page."""
    telling = [one for one in found if one.limit.thresholds]
    asked = Alert.objects.filter(limit__in=[one.limit for one in telling])
    last = dict(asked.order_by().values_list("limit").annotate(Max("created_at")))
    return [Rule(one, last.get(one.limit.pk)) for one in telling]


def _peaks(organization: Organization, keys: list[ApiKey], now: datetime) -> tuple[int, dict[int, int]]:
    """The most requests that were let in within a minute of the last 24 hours: of all, and by key."""
    day = Hold.objects.filter(organization=organization, admitted_at__gt=now - timedelta(hours=24)).order_by()
    by_minute = day.annotate(minute=TruncMinute("admitted_at")).values("minute")
    most = by_minute.annotate(number=Count("pk")).order_by("-number").values_list("number", flat=True).first()
    found: dict[int, int] = {}
    if keys:
        by_key = day.filter(api_key__in=keys).annotate(minute=TruncMinute("admitted_at")).values("api_key", "minute")
        for key_id, number in by_key.annotate(number=Count("pk")).values_list("api_key", "number"):
            found[key_id] = max(number, found.get(key_id, 0))
    return most or 0, found


def rates(scope: Scope, now: datetime) -> list[Rate]:
    """The plan's pace, and that of keys that have one of their own."""
    refused = RefusalCount.objects.filter(
        organization=scope.organization, minute__gte=now - timedelta(hours=24), code="rate_limit_exceeded"
    )
    if not scope.every:
        refused = refused.filter(project__in=[project.pk for project in scope.projects])
    by_key = dict(refused.order_by().values_list("api_key").annotate(Sum("count")))
    made = []
    plan = rate_status.of_organization(scope, now)
    keys = list(scope.keys().filter(revoked_at=None).exclude(requests_per_minute=None).order_by("name")[:_RATES])
    peak, peaks = _peaks(scope.organization, keys, now)
    if plan and plan.limit is not None:
        made.append(Rate(scope.organization.name, "", plan.used, plan.limit, plan.plan, plan.refused, peak))
    recent = Hold.objects.filter(
        organization=scope.organization, admitted_at__gt=now - timedelta(seconds=60), api_key__in=keys
    )
    used = dict(recent.order_by().values_list("api_key").annotate(Count("pk")))
    for key in keys:
        url = reverse("dashboard:key", args=[key.public_id])
        limit, refusals = key.requests_per_minute or 0, by_key.get(key.pk, 0)
        made.append(Rate(key_name(key), url, used.get(key.pk, 0), limit, "", refusals, peaks.get(key.pk, 0)))
    return made
