"""Which limits hold for a key or a project, and which of them is fullest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext

from accounts.models import ApiKey, Project
from billing import limit_list, limits
from billing.limits import Status
from billing.models import Measure, SpendingLimit, Window
from dashboard import limit_rows, limit_words
from dashboard.access import Desk
from dashboard.limit_rows import LimitRow
from dashboard.usage_filters import Scope

_ORDER = ("key", "project", "organization")


@dataclass(frozen=True, slots=True)
class Fullest:
    """What the fullest limit that the person sees allows, empty where they see none; and whether a hard one, seen or
    not, is used up.
    """

    text: str = ""
    is_over: bool = False


def of_key(scope: Scope, key: ApiKey, now: datetime) -> list[LimitRow]:
    """The limits that a request with this key meets: its own, its project's, the organization's."""
    return _rows(scope, Q(api_key=key) | Q(project=key.project_id) | Q(project=None, api_key=None), now)


def of_project(scope: Scope, project: Project, now: datetime) -> list[LimitRow]:
    """The project's own limits and the organization's."""
    return _rows(scope, Q(project=project) | Q(project=None, api_key=None), now)


def _rows(scope: Scope, ours: Q, now: datetime) -> list[LimitRow]:
    found = list(limit_list.in_force(scope).filter(ours).select_related("api_key__project"))
    rows = [limit_rows.row(status, scope, now) for status in limits.status(found, now)]
    return sorted(rows, key=lambda one: (_ORDER.index(one.limit.scope), one.name))


def fullest(desk: Desk, on: str, ids: Iterable[int], now: datetime) -> dict[int, Fullest]:
    """The fullest limit of each key or project (`on`: api_key or project) that has one."""
    found = limits.status(list(limits.active(desk.organization).filter(**{f"{on}__in": list(ids)})), now)
    by_owner: dict[int, list[Status]] = {}
    for one in found:
        by_owner.setdefault(getattr(one.limit, f"{on}_id"), []).append(one)
    return {owner: _fullest(desk, held) for owner, held in by_owner.items()}


def _fullest(desk: Desk, held: list[Status]) -> Fullest:
    seen = [one for one in held if desk.sees_money or one.limit.measure != Measure.USD]
    return Fullest(
        text=said(min(seen, key=_room).limit) if seen else "",
        is_over=any(one.limit.is_hard and not one.left for one in held),
    )


def said(limit: SpendingLimit) -> str:
    """Amount and name in one line, as it stands below what was spent this month: a part of that limit alone."""
    is_of_spend = limit.measure == Measure.USD and limit.window == Window.MONTH
    text = gettext("of %(amount)s (%(name)s)") if is_of_spend else gettext("limit: %(amount)s (%(name)s)")
    return text % {
        "amount": limit_words.exact(limit.measure, limit.amount),
        "name": limit_words.name_of(limit.measure, limit.window),
    }


def _room(status: Status) -> int:
    """What is left, in millionths of the limit; hard limits first."""
    share = status.left * 1_000_000 // status.limit.amount if status.limit.amount else 0
    return share if status.limit.is_hard else share + 1_000_001
