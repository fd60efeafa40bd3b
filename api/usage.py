"""/api/v1/usage: what was used and what it cost, by day or hour of the organization's zone."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey
from accounts.roles import Permission, Scope
from api import faults
from api.door import Door
from api.instant import instant
from api.schema import ERRORS
from api.strict import Strict
from foundation import periods
from foundation.money import CURRENCY, usd_string
from usage import reports
from usage.reports import Filter, Sums

_MOST_DAYS = {"day": 366, "hour": 31}
_USUAL_DAYS = {"day": 30, "hour": 2}
_FIRST, _LAST = date(2000, 1, 1), date(2099, 12, 31)


def _several(most_characters: int, help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=most_characters), required=False, max_length=50, help_text=help_text
    )


class UsageQuery(Strict):
    interval = serializers.ChoiceField(["day", "hour"], default="day")
    by = serializers.ChoiceField(["model", "key", "project"], required=False, help_text="What to group by.")
    project = _several(40, "Id of a project; repeat it for several.")
    key = _several(40, "Id of a key; repeat it for several.")
    model = _several(100, "Name of a model; repeat it for several.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language, so it cannot be written above."""
        fields = super().get_fields()
        fields["from"] = serializers.DateField(
            required=False, help_text="First day in the organization's zone; usually 30 days back (hours: yesterday)."
        )
        fields["to"] = serializers.DateField(required=False, help_text="Last day, included; usually today.")
        return fields


class SumsOut(serializers.Serializer):
    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField(help_text="All input, cached or not.")
    cached_input_tokens = serializers.IntegerField(help_text="The part of the input that was cached.")
    output_tokens = serializers.IntegerField()
    cost = serializers.CharField(allow_null=True, help_text="USD, exact; null where the role may not see money.")


class GroupOut(SumsOut):
    id = serializers.CharField(allow_null=True, help_text="Name of a model, or id of a key or project.")
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
        first, last = _days(asked, interval, periods.day_of(timezone.now(), zone))
        edges = (reports.day_edges if interval == "day" else reports.hour_edges)(first, last, zone)
        chosen = self._chosen(asked, edges)
        series = reports.series(chosen, edges, group)
        overall: dict[Any, Sums] = {}
        for bucket in series:
            for key, sums in bucket.items():
                overall[key] = overall.get(key, Sums()) + sums
        names = self._names(group, overall)
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

    def _chosen(self, asked: dict[str, Any], edges: list[Any]) -> Filter:
        """The filter, within what the caller may see; 404 when one of the ids is not there."""
        caller = self.caller
        reached = caller.projects()
        projects = None if caller.may(Permission.SEE_USAGE) else tuple(one.pk for one in reached)
        if "project" in asked:
            wanted = set(asked["project"])
            projects = tuple(one.pk for one in reached if one.public_id in wanted)
            if len(projects) < len(wanted):
                raise faults.not_found("project", "project")
        keys: tuple[int, ...] = ()
        if "key" in asked:
            found = ApiKey.objects.filter(organization=caller.organization, public_id__in=asked["key"])
            keys = tuple(found.filter(project__in=reached).values_list("pk", flat=True))
            if len(keys) < len(set(asked["key"])):
                raise faults.not_found("key", "key")
        return Filter(caller.organization.pk, edges[0], edges[-1], projects, keys, tuple(asked.get("model", ())))

    def _names(self, group: str | None, values: Iterable[Any]) -> dict[Any, tuple[str | None, str | None]]:
        """Id and name of each group value."""
        organization = self.caller.organization
        wanted = set(values)
        if group is None:
            return {None: (None, None)}
        if group == "model":
            return {name: (name, name) for name in wanted}
        rows = organization.projects.all() if group == "project" else organization.api_keys.all()
        return {row.pk: (row.public_id, row.name) for row in rows if row.pk in wanted}

    def _rows(self, bucket: dict[Any, Sums], names: dict[Any, tuple[str | None, str | None]]) -> list[dict[str, Any]]:
        dearest = sorted(bucket.items(), key=lambda item: (-item[1].charge, -item[1].requests, str(item[0])))
        return [{"id": names[key][0], "name": names[key][1], **self._sums(sums)} for key, sums in dearest]

    def _sums(self, sums: Sums) -> dict[str, Any]:
        return {
            "requests": sums.requests,
            "input_tokens": sums.prompt,
            "cached_input_tokens": sums.cached_input,
            "output_tokens": sums.output,
            "cost": usd_string(sums.charge) if self.caller.may(Permission.SEE_MONEY) else None,
        }


def _days(asked: dict[str, Any], interval: str, today: date) -> tuple[date, date]:
    """First and last day of the report; raises ValidationError."""
    last = asked.get("to", max(today, asked.get("from", today)))
    first = asked.get("from", last - timedelta(days=_USUAL_DAYS[interval] - 1))
    for name, day in (("from", first), ("to", last)):
        if not _FIRST <= day <= _LAST:
            raise serializers.ValidationError({name: f"A day from {_FIRST} to {_LAST}."})
    if first > last:
        raise serializers.ValidationError({"to": "The last day lies before the first."})
    if (last - first).days >= _MOST_DAYS[interval]:
        raise serializers.ValidationError(
            {"from": f"By {interval}, a report spans at most {_MOST_DAYS[interval]} days."}
        )
    return first, last
