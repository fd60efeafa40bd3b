"""Spending limits: set, remove, and how much of them is gone. Every verb is one transaction with an audit entry."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit, projects
from accounts.actor import SYSTEM, Actor
from accounts.models import ApiKey, Organization, Project
from billing import alerting, windows
from billing.ingestion.draft import EARLY
from billing.models import Measure, SpendingLimit, SpendingWindow, Window
from foundation import periods
from foundation.money import LARGEST
from usage import reports

Subject = Organization | Project | ApiKey
_MOST_THRESHOLDS = 10
_LARGEST_PERCENT = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a limit says. `amount`: nano-USD, tokens or requests by the measure; `thresholds`: percent of it."""

    measure: str
    amount: int
    window: str
    is_hard: bool = True
    thresholds: tuple[int, ...] = (50, 80, 100)


@dataclass(frozen=True, slots=True)
class Status:
    """A limit and its open window; amounts in the limit's measure."""

    limit: SpendingLimit
    settled: int
    held: int
    starts_at: datetime | None
    resets_at: datetime | None

    @property
    def left(self) -> int:
        """What may still be held; never below zero."""
        return max(0, self.limit.amount - self.settled - self.held)


def check(terms: Terms) -> Terms:
    """The terms in normal form; raises ValidationError with a message per field."""
    errors: dict[str, str] = {}
    if terms.measure not in Measure.values:
        errors["measure"] = gettext("Choose one of %(names)s.") % {"names": ", ".join(Measure.values)}
    if terms.window not in Window.values:
        errors["window"] = gettext("Choose one of %(names)s.") % {"names": ", ".join(Window.values)}
    if not isinstance(terms.amount, int) or isinstance(terms.amount, bool) or not 0 <= terms.amount <= LARGEST:
        errors["amount"] = gettext("The amount must be zero or more, and below 9.2 billion USD.")
    thresholds = tuple(sorted(set(terms.thresholds)))
    if len(thresholds) > _MOST_THRESHOLDS or any(not 1 <= percent <= _LARGEST_PERCENT for percent in thresholds):
        errors["thresholds"] = gettext(
            "Name at most %(most_thresholds)s whole percents from 1 to %(largest_percent)s."
        ) % {"most_thresholds": _MOST_THRESHOLDS, "largest_percent": _LARGEST_PERCENT}
    if errors:
        raise ValidationError(errors)
    return Terms(terms.measure, terms.amount, terms.window, terms.is_hard, thresholds)


def terms_of(limit: SpendingLimit) -> Terms:
    """The terms that a limit has now."""
    return Terms(limit.measure, limit.amount, limit.window, limit.is_hard, tuple(limit.thresholds))


def set_limit(subject: Subject, terms: Terms, by: Actor = SYSTEM) -> SpendingLimit:
    """Set the limit of a measure and window on an organization, project or key, in place of the one it has.

    What was used in the current period counts. Raises ValidationError.
    """
    terms = check(terms)
    try:
        return _set(subject, terms, by)
    except IntegrityError:
        # Somebody set the same limit at the same moment: now it exists and is changed.
        return _set(subject, terms, by)


def remove(limit: SpendingLimit, by: Actor = SYSTEM) -> None:
    """End a limit; its windows stay as a record. The next request is no longer held to it."""
    with transaction.atomic():
        ended = SpendingLimit.objects.filter(pk=limit.pk, removed_at=None).update(removed_at=timezone.now())
        if ended:
            audit.record("limit.removed", limit, by, changes=_said(limit))


def delete_project(project: Project, by: Actor = SYSTEM) -> Project:
    """End an archived project for good, with the limits on it and on its keys; see `accounts.projects.delete`."""
    with transaction.atomic():
        deleted = projects.delete(project, by)
        ours = Q(project=project) | Q(api_key__project=project)
        for limit in SpendingLimit.objects.filter(ours, removed_at=None).order_by("pk"):
            remove(limit, by)
        return deleted


def find(subject: Subject, measure: str, window: str) -> SpendingLimit | None:
    """The limit of this measure and window on the subject."""
    return SpendingLimit.objects.filter(**_where(subject), measure=measure, window=window, removed_at=None).first()


def active(organization: Organization) -> QuerySet[SpendingLimit]:
    """The organization's limits on everything it has, with what they are on."""
    return SpendingLimit.objects.filter(organization=organization, removed_at=None).select_related(
        "organization", "project", "api_key"
    )


def status(limits: list[SpendingLimit], now: datetime | None = None) -> list[Status]:
    """How much of each limit is gone in its current period."""
    now = now or timezone.now()
    found = {window.limit_id: window for window in _open_windows(now).filter(limit__in=limits)}
    return [_status(limit, found.get(limit.pk), now) for limit in limits]


def _status(limit: SpendingLimit, window: SpendingWindow | None, now: datetime) -> Status:
    if window is None:
        starts_at, ends_at = periods.bounds(limit.window, now, limit.organization.zone)
        return Status(limit, 0, 0, starts_at, ends_at)
    starts_at = window.starts_at if window.ends_at else None
    return Status(limit, window.settled, window.held, starts_at, window.ends_at)


def _set(subject: Subject, terms: Terms, by: Actor) -> SpendingLimit:
    with transaction.atomic():
        limit = find(subject, terms.measure, terms.window)
        before = _said(limit) if limit else None
        if limit is None:
            limit = _create(subject, terms, by)
            now = limit.created_at
        else:
            now = _change(limit, terms)
            limit.refresh_from_db()
        audit.record("limit.set", limit, by, changes={"before": before, "after": _said(limit)})
        reached = _open_windows(now).filter(limit=limit, next_alert__lte=F("settled")).values_list("pk", flat=True)
        alerting.tell(reached, (), now)
        return limit


def _create(subject: Subject, terms: Terms, by: Actor) -> SpendingLimit:
    where = _where(subject)
    # Batches of reported usage take turns with it: what each of them has counts once, in `opening` or in the window.
    Organization.objects.select_for_update(no_key=True).get(pk=_organization_id(subject))
    now = timezone.now()
    limit = SpendingLimit.objects.create(
        **where,
        measure=terms.measure,
        amount=terms.amount,
        window=terms.window,
        is_hard=terms.is_hard,
        thresholds=list(terms.thresholds),
        created_at=now,
        created_by=by.user,
    )
    # Usage may be reported a little early, and then lie in the period after this one.
    for at in (now, now + EARLY):
        windows.open_window(limit.pk, limit.organization.zone, at, used_in_period(limit, at))
    # Thresholds that were passed before the limit was set are told now.
    SpendingWindow.objects.filter(limit=limit).update(next_alert=windows.next_alert(terms.amount, limit.thresholds, -1))
    return limit


def _change(limit: SpendingLimit, terms: Terms) -> datetime:
    """The limit first, then its open window: an opening takes the same locks in the same order. The moment of it."""
    SpendingLimit.objects.filter(pk=limit.pk).update(
        amount=terms.amount, is_hard=terms.is_hard, thresholds=list(terms.thresholds), version=F("version") + 1
    )
    # Only now: a window that another process opened while this one waited for the limit is changed as well.
    now = timezone.now()
    cap = terms.amount if terms.is_hard else None
    _open_windows(now).filter(limit=limit).update(
        cap=cap,
        ceiling=None if cap is None else Greatest(cap, F("settled") + F("held")),
        next_alert=windows.next_alert(terms.amount, list(terms.thresholds), -1),
    )
    return now


def used_in_period(limit: SpendingLimit, now: datetime) -> int:
    """What the limit's subject used in the period of `now` by its usage events, in the limit's measure."""
    starts_at, ends_at = periods.bounds(limit.window, now, limit.organization.zone)
    sums = reports.totals(
        reports.Filter(
            organization_id=limit.organization_id,
            start=starts_at or windows.BEGINNING,
            end=ends_at or periods.bucket_start(now + EARLY) + periods.BUCKET,
            project_ids=(limit.project_id,) if limit.project_id else None,
            key_ids=(limit.api_key_id,) if limit.api_key_id else (),
        )
    )
    return {windows.USD: sums.charge, windows.TOKENS: sums.tokens}.get(limit.measure, sums.requests)


def _open_windows(now: datetime) -> QuerySet[SpendingWindow]:
    return SpendingWindow.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now)


def _where(subject: Subject) -> dict[str, Subject | None]:
    if isinstance(subject, Organization):
        return {"organization": subject, "project": None, "api_key": None}
    project = subject if isinstance(subject, Project) else None
    api_key = subject if isinstance(subject, ApiKey) else None
    return {"organization": subject.organization, "project": project, "api_key": api_key}


def _organization_id(subject: Subject) -> int:
    return subject.pk if isinstance(subject, Organization) else subject.organization_id


def _said(limit: SpendingLimit) -> dict[str, object]:
    return {
        "scope": limit.scope,
        "measure": limit.measure,
        "window": limit.window,
        "amount": windows.said(limit.measure, limit.amount),
        "is_hard": limit.is_hard,
        "thresholds": limit.thresholds,
    }
