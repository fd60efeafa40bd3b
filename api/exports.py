"""/api/v1/exports: usage, requests and the ledger as files, sent while they are read."""

from datetime import date
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Permission, Scope
from api import usage_query
from api.door import Door
from api.requests import ENDINGS, STATUSES
from api.schema import ERRORS
from api.usage_query import INTERVALS, MOST_DAYS, USUAL_DAYS, DaysQuery, FilterQuery
from billing import sheets as books
from foundation.sheet import Sheet, csv_parts, json_parts
from foundation.streamed import Streamed
from usage import request_list, sheets
from usage.reports import day_edges

CSV, JSON_LINES = "text/csv", "application/jsonl"
_TYPES = {"csv": CSV, "jsonl": JSON_LINES}
_ANSWERS: dict[Any, Any] = {(200, JSON_LINES): OpenApiTypes.STR, (200, CSV): OpenApiTypes.STR, **ERRORS}
_SEES = (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)


def _format() -> serializers.ChoiceField:
    return serializers.ChoiceField(
        list(_TYPES), required=False, help_text="Without it `Accept` decides; usually JSON Lines."
    )


class UsageExportQuery(FilterQuery):
    interval = serializers.ChoiceField(list(INTERVALS), default="day", help_text="Width of a period.")
    format = _format()


class RequestExportQuery(FilterQuery):
    ended = serializers.ChoiceField(ENDINGS, required=False, help_text="How the answer ended.")
    status = serializers.ChoiceField(STATUSES, required=False)
    format = _format()


class LedgerExportQuery(DaysQuery):
    format = _format()


class _Export(Door):
    def sent(
        self, request: Request, asked: dict[str, Any], sheet: Sheet, what: str, span: tuple[date, date]
    ) -> Streamed:
        """The sheet as a file in the format that was asked for."""
        format_ = asked.get("format") or _accepted(request)
        parts = csv_parts(sheet) if format_ == "csv" else json_parts(sheet)
        streamed = Streamed(parts, content_type=f"{_TYPES[format_]}; charset=utf-8")
        name = f"{what}_{span[0]}_{span[1]}.{format_}"
        streamed["Content-Disposition"] = f'attachment; filename="{name}"'
        return streamed


class UsageExport(_Export):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES}

    @extend_schema(operation_id="exports_usage", parameters=[UsageExportQuery], responses=_ANSWERS)
    def get(self, request: Request) -> HttpResponseBase:
        """A line for each period, project, key and model."""
        query = UsageExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, zone = query.validated_data, self.caller.organization.zone
        interval = asked["interval"]
        span = usage_query.days(asked, zone, USUAL_DAYS[interval], MOST_DAYS[interval], f"By {interval}, a report")
        edges = INTERVALS[interval](*span, zone)
        chosen = usage_query.chosen(self.caller, asked, edges)
        sheet = sheets.of_usage(chosen, edges, zone, money=self.caller.may(Permission.SEE_MONEY))
        return self.sent(request, asked, sheet, "usage", span)


class RequestExport(_Export):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES}

    @extend_schema(operation_id="exports_requests", parameters=[RequestExportQuery], responses=_ANSWERS)
    def get(self, request: Request) -> HttpResponseBase:
        """A line for each request, newest first."""
        query = RequestExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, zone = query.validated_data, self.caller.organization.zone
        span = usage_query.days(asked, zone)
        chosen = usage_query.chosen(self.caller, asked, day_edges(*span, zone))
        events = request_list.newest_first(chosen, asked.get("ended", ""), asked.get("status", ""))
        sheet = sheets.of_requests(events, money=self.caller.may(Permission.SEE_MONEY))
        return self.sent(request, asked, sheet, "requests", span)


class LedgerExport(_Export):
    needs = {"GET": (Permission.MANAGE_MONEY,)}

    @extend_schema(operation_id="exports_ledger", parameters=[LedgerExportQuery], responses=_ANSWERS)
    def get(self, request: Request) -> HttpResponseBase:
        """A line for each entry on the organization's credit, oldest first."""
        query = LedgerExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, organization = query.validated_data, self.caller.organization
        span = usage_query.days(asked, organization.zone)
        edges = day_edges(*span, organization.zone)
        return self.sent(request, asked, books.of_entries(organization, edges[0], edges[-1]), "ledger", span)


def _accepted(request: Request) -> str:
    """csv where the client wants CSV and says nothing of JSON Lines."""
    wanted = request.headers.get("Accept", "").lower()
    return "csv" if CSV in wanted and "json" not in wanted else "jsonl"
