"""/api/v1/refusals: requests that were refused, which used and cost nothing."""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission, Scope
from api import numbered
from api.door import Door
from api.envelopes import ListOut
from api.instant import Instant, instant
from api.paging import PageQuery
from api.reaching import reach_of
from api.schema import ERRORS
from api.strict import Strict
from billing import refusal_reports

_SEES = (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)


class RefusalOut(serializers.Serializer):
    object = serializers.CharField()
    request_id = serializers.CharField()
    at = Instant()
    project_id = serializers.CharField()
    key_id = serializers.CharField()
    model = serializers.CharField()
    code = serializers.CharField(help_text="The error code of the answer.")
    message = serializers.CharField(
        allow_null=True, help_text="Of the answer; null where it would tell money that the role may not see."
    )


class RefusalListOut(ListOut):
    data = RefusalOut(many=True)  # type: ignore[assignment]


class RefusalCountOut(serializers.Serializer):
    code = serializers.CharField()
    count = serializers.IntegerField()
    last_at = Instant(help_text="The minute of the newest.")


class RefusalCountsOut(serializers.Serializer):
    object = serializers.CharField()
    since = Instant()
    data = RefusalCountOut(many=True, help_text="Most often first.")  # type: ignore[assignment]


class RefusalQuery(PageQuery):
    key = serializers.CharField(max_length=40, required=False, help_text="Id of a key.")
    code = serializers.CharField(max_length=40, required=False, help_text="An error code.")


class CountQuery(Strict):
    hours = serializers.IntegerField(min_value=1, max_value=744, default=24, help_text="How far back.")


class Refusals(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES}

    @extend_schema(operation_id="refusals_list", parameters=[RefusalQuery], responses={200: RefusalListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The newest refusals one by one; the newest hundred of each key are kept."""
        query = RefusalQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, reach = query.validated_data, reach_of(self.caller)
        rows = refusal_reports.newest(reach)
        if "key" in asked:
            rows = rows.filter(api_key__public_id=asked["key"])
        if "code" in asked:
            rows = rows.filter(code=asked["code"])
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "refusal")
        data = [
            {
                "object": "refusal",
                "request_id": one.request_id,
                "at": instant(one.at),
                "project_id": one.api_key.project.public_id,
                "key_id": one.api_key.public_id,
                "model": one.model,
                "code": one.code,
                "message": refusal_reports.message_for(reach, one) or None,
            }
            for one in found
        ]
        return Response({"object": "list", "data": data, **around})


class Counts(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES}

    @extend_schema(operation_id="refusals_counts", parameters=[CountQuery], responses={200: RefusalCountsOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """How many requests were refused, by error code; all of them are counted."""
        query = CountQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        since = timezone.now() - timedelta(hours=query.validated_data["hours"])
        found = refusal_reports.counts(reach_of(self.caller), since)
        data = [{"code": one.code, "count": one.count, "last_at": instant(one.last)} for one in found]
        return Response({"object": "refusal_counts", "since": instant(since), "data": data})
