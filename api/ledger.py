"""/api/v1/ledger: what came onto the credit and went off it, with the balance after each line; and every entry."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission
from api import numbered, usage_query
from api.door import Door
from api.envelopes import ListOut
from api.instant import Instant, instant
from api.schema import ERRORS
from api.usage_query import DaysQuery
from billing import sheets, statement
from billing.models import Account, LedgerEntry
from billing.statement import Line
from foundation.money import CURRENCY, usd_string
from usage.models import UsageEvent
from usage.reports import day_edges

_TYPES = (statement.USAGE, statement.GRANT, statement.ADJUSTMENT)


class LineOut(serializers.Serializer):
    type = serializers.CharField(help_text="`usage`, `grant`, `expiry`, `adjustment`, or `owed`: no credit covered it.")
    at = Instant()
    day = serializers.DateField(
        help_text="In the organization's zone; usage is one line a day, reported usage on the day of its charge."
    )
    amount = serializers.CharField(help_text="USD, exact; below zero: it went off.")
    balance_after = serializers.CharField()
    requests = serializers.IntegerField(allow_null=True, help_text="Of a day's usage; below zero: voided.")
    grant_id = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_null=True)


class StatementOut(serializers.Serializer):
    object = serializers.CharField()
    time_zone = serializers.CharField()
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    currency = serializers.CharField()
    opening = serializers.CharField(help_text="The balance before the first day.")
    closing = serializers.CharField(help_text="opening + every amount; of today: what is posted.")
    data = LineOut(many=True, help_text="Newest first.")  # type: ignore[assignment]


class EntryOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    type = serializers.ChoiceField(_TYPES)
    at = Instant()
    transaction = serializers.CharField(help_text="Entries with the same one were booked together.")
    amount = serializers.CharField(help_text="USD, exact; below zero: it went off.")
    currency = serializers.CharField()
    grant_id = serializers.CharField(allow_null=True, help_text="The grant that it came onto or went off.")
    request_id = serializers.CharField(allow_null=True)


class EntryListOut(ListOut):
    data = EntryOut(many=True)  # type: ignore[assignment]


class EntryQuery(DaysQuery):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20, help_text="Entries a page.")
    cursor = serializers.CharField(max_length=40, required=False, help_text="`next_cursor` of the page before.")


class Ledger(Door):
    needs = {"GET": (Permission.MANAGE_MONEY,)}

    @extend_schema(operation_id="ledger", parameters=[DaysQuery], responses={200: StatementOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The history of the Billing page: usage by day, grants, expiries, adjustments, and the running balance."""
        query = DaysQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        organization = self.caller.organization
        first, last = usage_query.days(query.validated_data, organization.zone, what="A statement")
        read = statement.read(organization, first, last)
        return Response(
            {
                "object": "statement",
                "time_zone": organization.zone.key,
                "first_day": first.isoformat(),
                "last_day": last.isoformat(),
                "currency": CURRENCY,
                "opening": usd_string(read.opening),
                "closing": usd_string(read.closing),
                "data": [_line(line) for line in read.lines],
            }
        )


class Entries(Door):
    needs = {"GET": (Permission.MANAGE_MONEY,)}

    @extend_schema(operation_id="ledger_entries", parameters=[EntryQuery], responses={200: EntryListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Every entry on the organization's credit, newest first: one for each request and grant that paid for it."""
        query = EntryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, organization = query.validated_data, self.caller.organization
        edges = day_edges(*usage_query.days(asked, organization.zone), organization.zone)
        rows = LedgerEntry.objects.filter(
            organization=organization, account=Account.CREDIT, at__gte=edges[0], at__lt=edges[-1]
        )
        found, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "entry", by="at")
        events = [entry.event_id for entry in found if entry.event_id]
        requests = dict(UsageEvent.objects.filter(pk__in=events).values_list("pk", "request_id"))
        data = [_entry(entry, requests.get(entry.event_id or 0)) for entry in found]
        return Response({"object": "list", "data": data, **around})


def _line(line: Line) -> dict[str, Any]:
    return {
        "type": line.kind,
        "at": instant(line.at),
        "day": line.day.isoformat(),
        "amount": usd_string(line.amount),
        "balance_after": usd_string(line.balance),
        "requests": line.requests if line.kind == statement.USAGE else None,
        "grant_id": f"grant_{line.grant.pk}" if line.grant else None,
        "note": (line.grant.note or None) if line.grant else (line.transaction or None),
    }


def _entry(entry: LedgerEntry, request_id: str | None) -> dict[str, Any]:
    return {
        "object": "ledger_entry",
        "id": f"entry_{entry.pk}",
        "type": sheets.entry_type(entry),
        "at": instant(entry.at),
        "transaction": entry.transaction,
        "amount": usd_string(entry.amount),
        "currency": CURRENCY,
        "grant_id": f"grant_{entry.grant_id}" if entry.grant_id else None,
        "request_id": request_id,
    }
