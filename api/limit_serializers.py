"""Limits and alerts as JSON: what goes out, and what comes in. Amounts are decimal texts in the limit's measure."""

from typing import Any

from rest_framework import serializers

from api.envelopes import ListOut
from api.instant import Instant, instant
from api.paging import PageQuery
from api.strict import Strict
from billing import windows
from billing.limits import Status
from billing.models import Alert, AlertReason, Measure, Window
from billing.models.limit import default_thresholds
from foundation.money import LARGEST, InvalidAmount, from_usd

_AMOUNT = "USD, tokens or requests by the measure, as a decimal text."
_MOST_THRESHOLDS, _LARGEST_PERCENT = 10, 1000
SCOPES = ("organization", "project", "key")


class StatusOut(serializers.Serializer):
    used = serializers.CharField(help_text="Settled in the open period.")
    held = serializers.CharField(help_text="Of requests that are under way.")
    left = serializers.CharField(help_text="What may still be held; never below zero.")
    starts_at = Instant(allow_null=True, help_text="Null: a lifetime.")
    resets_at = Instant(allow_null=True, help_text="Null: never.")


class LimitOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    applies_to = serializers.ChoiceField(SCOPES)
    project_id = serializers.CharField(allow_null=True, help_text="Of a limit on a project.")
    key_id = serializers.CharField(allow_null=True, help_text="Of a limit on a key.")
    measure = serializers.ChoiceField(Measure.choices)
    amount = serializers.CharField(help_text=_AMOUNT)
    window = serializers.ChoiceField(Window.choices, help_text="In the organization's zone; weeks begin on Monday.")
    is_hard = serializers.BooleanField(help_text="Whether what does not fit is refused with 402; else it only alerts.")
    thresholds = serializers.ListField(child=serializers.IntegerField(), help_text="Percent at which people are told.")
    version = serializers.IntegerField(help_text="Counts the changes; a changed limit may alert again.")
    created_at = Instant()
    status = StatusOut()


class LimitListOut(ListOut):
    data = LimitOut(many=True)  # type: ignore[assignment]


class AlertOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    limit_id = serializers.CharField()
    applies_to = serializers.ChoiceField(SCOPES)
    project_id = serializers.CharField(allow_null=True)
    key_id = serializers.CharField(allow_null=True)
    measure = serializers.ChoiceField(Measure.choices)
    window = serializers.ChoiceField(Window.choices)
    threshold_percent = serializers.IntegerField()
    reason = serializers.ChoiceField(AlertReason.choices)
    amount = serializers.CharField(help_text=f"The limit, as it was then. {_AMOUNT}")
    used = serializers.CharField()
    held = serializers.CharField()
    resets_at = Instant(allow_null=True)
    created_at = Instant()


class AlertListOut(ListOut):
    data = AlertOut(many=True)  # type: ignore[assignment]


class LimitQuery(PageQuery):
    project = serializers.CharField(max_length=40, required=False, help_text="Id of a project: limits on it alone.")
    key = serializers.CharField(max_length=40, required=False, help_text="Id of a key: limits on it alone.")


class AlertQuery(PageQuery):
    limit_id = serializers.CharField(max_length=40, required=False, help_text="Id of a limit.")


def _amount_field(**options: Any) -> serializers.RegexField:
    wrong: dict[str, Any] = {
        "invalid": "This must be a number as text, nine decimals at most and not below zero, such as “25.00”."
    }
    return serializers.RegexField(
        r"^[0-9]{1,19}(\.[0-9]{1,9})?\Z", max_length=30, help_text=_AMOUNT, error_messages=wrong, **options
    )


def _thresholds_field(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_LARGEST_PERCENT),
        max_length=_MOST_THRESHOLDS,
        help_text="Percent at which people are told; empty: nobody is.",
        **options,
    )


class LimitCreate(Strict):
    project_id = serializers.CharField(max_length=40, required=False, help_text="On this project.")
    key_id = serializers.CharField(
        max_length=40, required=False, help_text="On this key; without both: on the organization."
    )
    measure = serializers.ChoiceField(Measure.choices, default=Measure.USD)
    amount = _amount_field()
    window = serializers.ChoiceField(Window.choices, default=Window.MONTH)
    is_hard = serializers.BooleanField(default=True)
    thresholds = _thresholds_field(default=default_thresholds)


class LimitChange(Strict):
    amount = _amount_field(required=False)
    is_hard = serializers.BooleanField(required=False)
    thresholds = _thresholds_field(required=False)


def amount_of(measure: str, text: str) -> int:
    """Nano-USD, tokens or requests; raises ValidationError."""
    if measure == Measure.USD:
        try:
            return from_usd(text)
        except InvalidAmount as error:
            raise serializers.ValidationError({"amount": str(error)}) from error
    if not text.isdigit() or int(text) > LARGEST:
        raise serializers.ValidationError({"amount": "A whole number below 2 to the power of 63."})
    return int(text)


def shown(status: Status) -> dict[str, Any]:
    """A limit and its open period as JSON."""
    limit = status.limit

    def said(amount: int) -> str:
        return windows.said(limit.measure, amount)

    return {
        "object": "limit",
        "id": limit.public_id,
        "applies_to": limit.scope,
        "project_id": limit.project.public_id if limit.project else None,
        "key_id": limit.api_key.public_id if limit.api_key else None,
        "measure": limit.measure,
        "amount": said(limit.amount),
        "window": limit.window,
        "is_hard": limit.is_hard,
        "thresholds": limit.thresholds,
        "version": limit.version,
        "created_at": instant(limit.created_at),
        "status": {
            "used": said(status.settled),
            "held": said(status.held),
            "left": said(status.left),
            "starts_at": instant(status.starts_at) if status.starts_at else None,
            "resets_at": instant(status.resets_at) if status.resets_at else None,
        },
    }


def shown_alert(alert: Alert) -> dict[str, Any]:
    """An alert as JSON; amounts as they were."""
    limit = alert.limit
    return {
        "object": "alert",
        "id": f"alert_{alert.pk}",
        "limit_id": limit.public_id,
        "applies_to": limit.scope,
        "project_id": limit.project.public_id if limit.project else None,
        "key_id": limit.api_key.public_id if limit.api_key else None,
        "measure": limit.measure,
        "window": limit.window,
        "threshold_percent": alert.threshold,
        "reason": alert.reason,
        "amount": windows.said(limit.measure, alert.amount),
        "used": windows.said(limit.measure, alert.settled),
        "held": windows.said(limit.measure, alert.held),
        "resets_at": instant(alert.window.ends_at) if alert.window.ends_at else None,
        "created_at": instant(alert.created_at),
    }
