"""The filter of usage, costs, requests and exports: the members of the Usage page's URL."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone
from rest_framework import serializers

from accounts.models import ApiKey, User
from accounts.roles import Permission
from api import faults
from api.caller import Caller
from api.instant import Day
from api.reaching import reach_of
from api.strict import Strict
from foundation import periods
from usage import named_periods, reports
from usage.reports import Filter

_FIRST, _LAST = date(2000, 1, 1), date(2099, 12, 31)
INTERVALS: dict[str, Callable[[date, date, ZoneInfo], list[datetime]]] = {
    "day": reports.day_edges,
    "hour": reports.hour_edges,
    "15m": reports.quarter_edges,
    "week": reports.week_edges,
    "month": reports.month_edges,
}
MOST_DAYS = {"15m": 7, "hour": 31, "day": 366, "week": 731, "month": 1_827}
USUAL_DAYS = {"15m": 1, "hour": 2, "day": 30, "week": 84, "month": 366}


class DaysQuery(Strict):
    """Days of the organization's zone."""

    period = serializers.ChoiceField(
        named_periods.NAMES, required=False, help_text="Days by name, instead of `from` and `to`."
    )

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language, so it cannot be written above."""
        fields = super().get_fields()
        fields["from"] = Day(required=False, help_text="First day in the organization's zone; usually 30 days back.")
        fields["to"] = Day(required=False, help_text="Last day, included; usually today.")
        return fields


def _several(most_characters: int, help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=most_characters), required=False, max_length=50, help_text=help_text
    )


class FilterQuery(DaysQuery):
    """Days, and what of them."""

    project = _several(40, "Id of a project; repeat it for several.")
    key = _several(40, "Id of a key; repeat it for several.")
    model = _several(100, "Name of a model; repeat it for several.")
    member = _several(40, "Id of a member, whose keys are meant; repeat it for several.")


def days(
    asked: dict[str, Any], zone: ZoneInfo, usual: int = 30, most: int = 366, what: str = "A report"
) -> tuple[date, date]:
    """First and last day; raises ValidationError. `usual` and `most` in days."""
    today = periods.day_of(timezone.now(), zone)
    if "period" in asked:
        if "from" in asked or "to" in asked:
            raise serializers.ValidationError({"period": "Give a period, or `from` and `to`."})
        first, last = named_periods.preset(asked["period"], today)
    else:
        for name in ("from", "to"):
            if name in asked and not _FIRST <= asked[name] <= _LAST:
                raise serializers.ValidationError({name: f"A day from {_FIRST} to {_LAST}."})
        last = asked.get("to", max(today, asked.get("from", today)))
        first = asked.get("from", last - timedelta(days=usual - 1))
        if first > last:
            raise serializers.ValidationError({"to": "The last day lies before the first."})
    if (last - first).days >= most:
        wrong = "period" if "period" in asked else "from"
        raise serializers.ValidationError({wrong: f"{what} spans at most {most:,} days."})
    return first, last


def chosen(caller: Caller, asked: dict[str, Any], edges: Sequence[datetime]) -> Filter:
    """The filter between the edges, within what the caller may see; 404 when one of the ids is not there."""
    reach = reach_of(caller)
    projects = reach.project_ids()
    if "project" in asked:
        wanted = set(asked["project"])
        projects = tuple(one.pk for one in reach.projects if one.public_id in wanted)
        if len(projects) < len(wanted):
            raise faults.not_found("project", "project")
    keys: tuple[int, ...] = ()
    if "key" in asked:
        wanted = set(asked["key"])
        found = ApiKey.objects.filter(organization=caller.organization, public_id__in=wanted)
        keys = tuple(found.filter(project__in=reach.projects).values_list("pk", flat=True))
        if len(keys) < len(wanted):
            raise faults.not_found("key", "key")
    owners: tuple[int, ...] = ()
    if "member" in asked:
        check_sees_members(caller)
        wanted = set(asked["member"])
        owned = reach.keys().exclude(owner=None).order_by().values("owner")
        people = User.objects.filter(Q(pk__in=owned) | Q(memberships__organization=caller.organization))
        owners = tuple(people.filter(public_id__in=wanted).distinct().values_list("pk", flat=True))
        if len(owners) < len(wanted):
            raise faults.not_found("member", "member")
    models = tuple(asked.get("model", ()))
    return Filter(caller.organization.pk, edges[0], edges[-1], projects, keys, models, owners)


def check_sees_members(caller: Caller) -> None:
    """Raise 403 for a key that reads the usage of its project alone: it does not see people."""
    if caller.membership is None and not caller.may(Permission.SEE_USAGE):
        raise faults.forbidden("This key sees the usage of its project, not who the members are.")
