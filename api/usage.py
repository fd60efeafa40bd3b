"""/api/v1/usage: what was used and what it cost, as a series in the organization's zone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey, User
from accounts.roles import Permission, Scope
from api import usage_query
from api.caller import Caller
from api.door import Door
from api.instant import instant
from api.schema import ERRORS
from api.usage_query import INTERVALS, MOST_DAYS, USUAL_DAYS, FilterQuery
from foundation.money import CURRENCY, usd_string
from usage import reports
from usage.reports import Sums
from usage.snapshot import PLAYGROUND, PROJECTS

GROUPS = ("model", "key", "project", "member")
# What is nobody's in particular, as the page names it.
_NOBODYS = {PLAYGROUND: ("playground", "Playground"), PROJECTS: (None, "Keys of projects")}
Named = dict[Any, tuple[str | None, str | None]]


class UsageQuery(FilterQuery):
    interval = serializers.ChoiceField(
        list(INTERVALS), default="day", help_text="Width of a period; weeks begin on Monday."
    )
    by = serializers.ChoiceField(
        GROUPS,
        required=False,
        help_text="What to group by; `member` is whose keys they are, `playground` and null are nobody's.",
    )


class SumsOut(serializers.Serializer):
    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField(help_text="All input, cached or not.")
    cached_input_tokens = serializers.IntegerField(help_text="The part of the input that was cached.")
    output_tokens = serializers.IntegerField()
    cost = serializers.CharField(allow_null=True, help_text="USD, exact; null where the role may not see money.")


class GroupOut(SumsOut):
    id = serializers.CharField(
        allow_null=True,
        help_text="Name of a model, or id of a key, project or member; null: keys of projects, which are no member's.",
    )
    name = serializers.CharField(allow_null=True)


class PeriodOut(serializers.Serializer):
    start = serializers.CharField()
    end = serializers.CharField()
    results = GroupOut(many=True, help_text="Empty where nothing was used.")


class UsageOut(serializers.Serializer):
    object = serializers.CharField()
    time_zone = serializers.CharField()
    interval = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    data = PeriodOut(many=True)  # type: ignore[assignment]
    totals = SumsOut()
    groups = GroupOut(many=True, help_text="Totals by group, dearest first.")


class Usage(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)}

    @extend_schema(operation_id="usage", parameters=[UsageQuery], responses={200: UsageOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Requests, tokens and cost as a series, with totals."""
        query = UsageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        interval, group = asked["interval"], asked.get("by")
        zone = self.caller.organization.zone
        edges, series = read(self.caller, asked)
        overall = total(series)
        names = names_of(self.caller, group, overall)
        return Response(
            {
                "object": "usage",
                "time_zone": zone.key,
                "interval": interval,
                "by": group,
                "currency": CURRENCY,
                "data": [
                    {"start": instant(since), "end": instant(until), "results": self._rows(bucket, names)}
                    for since, until, bucket in zip(edges, edges[1:], series, strict=False)
                ],
                "totals": self._sums(sum(overall.values(), Sums())),
                "groups": self._rows(overall, names) if group else [],
            }
        )

    def _rows(self, bucket: dict[Any, Sums], names: Named) -> list[dict[str, Any]]:
        return [{"id": names[key][0], "name": names[key][1], **self._sums(sums)} for key, sums in dearest_first(bucket)]

    def _sums(self, sums: Sums) -> dict[str, Any]:
        return {
            "requests": sums.requests,
            "input_tokens": sums.prompt,
            "cached_input_tokens": sums.cached_input,
            "output_tokens": sums.output,
            "cost": usd_string(sums.charge) if self.caller.may(Permission.SEE_MONEY) else None,
        }


def read(caller: Caller, asked: dict[str, Any]) -> tuple[list[datetime], list[dict[Any, Sums]]]:
    """The edges of the periods, and for each of them sums by group value; `asked` as UsageQuery has it."""
    interval, group = asked["interval"], asked.get("by")
    if group == "member":
        usage_query.check_sees_members(caller)
    zone = caller.organization.zone
    first, last = usage_query.days(asked, zone, USUAL_DAYS[interval], MOST_DAYS[interval], f"By {interval}, a report")
    edges = INTERVALS[interval](first, last, zone)
    chosen = usage_query.chosen(caller, asked, edges)
    if group == "member":
        return edges, _by_owner(reports.series(chosen, edges, "key"))
    return edges, reports.series(chosen, edges, group)


def _by_owner(series: list[dict[Any, Sums]]) -> list[dict[Any, Sums]]:
    """Sums by key as sums by user id; what is nobody's by PLAYGROUND and PROJECTS."""
    keys = ApiKey.objects.filter(pk__in={key for bucket in series for key in bucket})
    owners = {
        pk: owner_id or (PLAYGROUND if is_playground else PROJECTS)
        for pk, owner_id, is_playground in keys.values_list("pk", "owner_id", "is_playground")
    }
    return [total([{owners[key]: sums} for key, sums in bucket.items()]) for bucket in series]


def total(series: Iterable[dict[Any, Sums]]) -> dict[Any, Sums]:
    """By group value over all periods."""
    overall: dict[Any, Sums] = {}
    for bucket in series:
        for key, sums in bucket.items():
            overall[key] = overall.get(key, Sums()) + sums
    return overall


def dearest_first(bucket: dict[Any, Sums]) -> list[tuple[Any, Sums]]:
    """In the order in which answers have them."""
    return sorted(bucket.items(), key=lambda item: (-item[1].charge, -item[1].requests, str(item[0])))


def names_of(caller: Caller, group: str | None, values: Iterable[Any]) -> Named:
    """Id and name of each group value."""
    organization = caller.organization
    wanted = set(values)
    if group is None:
        return {None: (None, None)}
    if group == "model":
        return {name: (name, name) for name in wanted}
    if group == "member":
        people = User.objects.filter(pk__in=wanted - set(_NOBODYS))
        return {**_NOBODYS, **{one.pk: (one.public_id, one.name or one.email) for one in people}}
    rows = organization.projects.all() if group == "project" else organization.api_keys.all()
    return {row.pk: (row.public_id, row.name) for row in rows.filter(pk__in=wanted)}
