"""What the Members page shows beside names and roles: projects, two-factor log-in, last activity, spend."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Max
from django.utils import timezone

from accounts import members
from accounts.models import ApiKey, Invitation, Membership, ProjectMembership
from accounts.roles import Permission, Role, allows
from dashboard import figures
from dashboard.access import Desk
from foundation import periods
from usage import reports
from usage.reports import Filter

_SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member on the page. Only who manages members sees more than name, role and projects."""

    membership: Membership
    # None: every project, by the role.
    projects: list[str] | None
    has_second_factor: bool
    last_active: datetime | None
    # Of their own keys this month, nano-USD.
    spent: int
    spent_text: str
    is_self: bool
    is_last_owner: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An open invitation. `is_backed`: who sent it may still give the role; without that the link is refused."""

    invitation: Invitation
    is_backed: bool
    may_change: bool


def rows(desk: Desk) -> list[MemberRow]:
    """All members, owners first, in a fixed number of queries."""
    found = list(desk.organization.memberships.select_related("user"))
    order = list(Role.values)
    found.sort(key=lambda one: (order.index(one.role), one.user.get_full_name().casefold(), one.pk))
    owners = [one for one in found if one.role == Role.OWNER and one.user.is_active]
    manages = desk.may(Permission.MANAGE_MEMBERS)
    projects = _projects(desk)
    people = [one.user_id for one in found] if manages else []
    protected = set(
        Authenticator.objects.filter(user__in=people, type__in=_SECOND_FACTORS).values_list("user_id", flat=True)
    )
    active = _last_active(found) if manages else {}
    spent = _spent(desk) if manages else Counter()
    places = figures.places_for(spent.values())
    return [
        MemberRow(
            membership=one,
            projects=None if allows(one.role, Permission.SEE_USAGE) else projects[one.user_id],
            has_second_factor=one.user_id in protected,
            last_active=active.get(one.user_id),
            spent=spent[one.user_id],
            spent_text=figures.usd_places(spent[one.user_id], places),
            is_self=one.user_id == desk.user.pk,
            is_last_owner=owners == [one],
            may_change=members.may_change(desk.membership.role, one),
        )
        for one in found
    ]


def _projects(desk: Desk) -> dict[int, list[str]]:
    """Names of the projects in which people work, as far as the reader reaches them."""
    found: dict[int, list[str]] = defaultdict(list)
    seen = [project.pk for project in desk.projects() if project.archived_at is None]
    added = ProjectMembership.objects.filter(project__in=seen).order_by("project__name")
    for user_id, name in added.values_list("user_id", "project__name"):
        found[user_id].append(name)
    return found


def _last_active(found: list[Membership]) -> dict[int, datetime | None]:
    """The newest request of any session, else the last log-in."""
    seen = UserSession.objects.filter(user__in=[one.user_id for one in found]).order_by()
    active = {one.user_id: one.user.last_login for one in found}
    return active | dict(seen.values_list("user").annotate(Max("last_seen_at")))


def _spent(desk: Desk) -> Counter[int]:
    """What everybody's own keys cost since the month began in the organization's zone."""
    now = timezone.now()
    start = periods.month_start(now, desk.organization.zone)
    by_key = reports.breakdown(Filter(desk.organization.pk, start, now + timedelta(minutes=15)), "key")
    owners = ApiKey.objects.filter(pk__in=by_key).exclude(owner=None).order_by().values_list("pk", "owner_id")
    spent: Counter[int] = Counter()
    for key_id, owner_id in owners:
        spent[owner_id] += by_key[key_id].charge
    return spent


def open_invitations(desk: Desk) -> list[InvitationRow]:
    """Invitations that nobody has accepted, expired ones included, newest first, in a fixed number of queries."""
    found = desk.organization.invitations.filter(accepted_at=None).select_related("invited_by")
    senders = dict(desk.organization.memberships.filter(user__is_active=True).values_list("user_id", "role"))
    given = {user_id: members.roles_to_give(role) for user_id, role in senders.items()}
    return [
        InvitationRow(
            invitation=one,
            is_backed=one.role in given.get(one.invited_by_id or 0, []),
            may_change=one.role in members.roles_to_give(desk.membership.role),
        )
        for one in found.prefetch_related("projects").order_by("-sent_at", "-pk")
    ]
