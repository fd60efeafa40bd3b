"""What the project pages show beside the project itself: keys, people, this month's usage, history."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, Membership, Project, ProjectMembership
from accounts.roles import Permission, allows
from dashboard import figures, limits_held
from dashboard.access import Desk
from foundation import periods
from usage import reports
from usage.reports import Filter, Sums

_HISTORY = 50


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project in the list; spend in nano-USD, None where the role does not see money, and as its column shows it."""

    project: Project
    keys: int
    members: int
    spent: int | None
    spent_text: str
    # What its fullest limit allows; empty without a limit that this person sees.
    limit_text: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who was added to a project. `sees_all`: the role reaches every project anyway."""

    membership: Membership
    since: datetime
    sees_all: bool
    # Live keys of the person's own in the project.
    keys: int


def rows(desk: Desk) -> list[ProjectRow]:
    """The person's projects, archived ones last, in a fixed number of queries."""
    live = [one for one in desk.projects() if one.deleted_at is None]
    found = sorted(live, key=lambda one: (one.archived_at is not None, one.name.casefold(), one.pk))
    ids = [project.pk for project in found]
    usable = ApiKey.objects.visible().not_revoked().filter(project__in=ids)
    keys = Counter(usable.order_by().values_list("project_id", flat=True))
    added = ProjectMembership.objects.filter(
        project__in=ids, user__memberships__organization=desk.organization, user__is_active=True
    )
    people = Counter(added.values_list("project_id", flat=True))
    spent = reports.breakdown(_month(desk, tuple(ids)), "project")
    places = figures.places_for(sums.charge for sums in spent.values())
    fullest = limits_held.fullest(desk, "project", ids, timezone.now())
    made = []
    for project in found:
        limit = fullest.get(project.pk, limits_held.Fullest())
        charge = spent.get(project.pk, Sums()).charge
        made.append(
            ProjectRow(
                project=project,
                keys=keys[project.pk],
                members=people[project.pk],
                spent=charge if desk.sees_money else None,
                spent_text=figures.usd_places(charge, places) if desk.sees_money else "—",
                limit_text=limit.text,
                is_over=limit.is_over,
            )
        )
    return made


def _month(desk: Desk, project_ids: tuple[int, ...]) -> Filter:
    now = timezone.now()
    start = periods.month_start(now, desk.organization.zone)
    return Filter(desk.organization.pk, start, now + timedelta(minutes=15), project_ids)


def month(desk: Desk, project: Project) -> Sums:
    """What the project used since the month began in the organization's zone."""
    return reports.totals(_month(desk, (project.pk,)))


def workers(project: Project) -> list[Worker]:
    """The people who were added to the project, by name."""
    added = dict(project.memberships.values_list("user_id", "created_at"))
    own = Counter(
        project.api_keys.visible().not_revoked().order_by().exclude(owner=None).values_list("owner_id", flat=True)
    )
    found = project.organization.memberships.select_related("user").filter(user__in=added)
    return [
        Worker(one, added[one.user_id], allows(one.role, Permission.SEE_USAGE), own[one.user_id])
        for one in sorted(found, key=lambda one: one.user.get_full_name().casefold())
    ]


def addable(project: Project) -> list[Membership]:
    """Members who reach the project only when they are added to it."""
    found = project.organization.memberships.select_related("user").exclude(
        user__in=project.memberships.values("user_id")
    )
    narrow = [one for one in found if not allows(one.role, Permission.SEE_USAGE) and one.user.is_active]
    return sorted(narrow, key=lambda one: one.user.get_full_name().casefold())


def history(project: Project) -> list[AuditEntry]:
    """The newest changes of the project."""
    return list(
        AuditEntry.objects.select_related("actor").filter(
            organization=project.organization, object_type="Project", object_id=project.public_id
        )[:_HISTORY]
    )
