"""/api/v1/keys/{key_id}/explain: would this request be answered, by which rule, and what is left of every limit."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import Answer
from accounts.roles import Permission
from api import faults
from api.key_serializers import AddressField
from api.keys import KeyDoor
from api.once import ONCE
from api.schema import ERRORS
from api.strict import Strict
from billing import explanation
from billing.explanation import Explanation, Question

_MOST_TOKENS = 2**31 - 1


class ExplainIn(Strict):
    model = serializers.CharField(max_length=100, help_text="Its name in requests, matched exactly.")
    input_tokens = serializers.IntegerField(min_value=0, max_value=_MOST_TOKENS, default=1000)
    max_tokens = serializers.IntegerField(
        min_value=1, max_value=_MOST_TOKENS, required=False, help_text="Without it the model's maximum."
    )
    address = AddressField(required=False, help_text="The client's; without it the key's networks are not asked.")


class RoomOut(serializers.Serializer):
    scope = serializers.CharField(help_text="`key`, `project` or `organization`.")
    name = serializers.CharField(help_text="Such as `monthly spending limit`, `credit` or `requests per minute`.")
    limit = serializers.CharField(help_text="USD, tokens or requests, exact.")
    used = serializers.CharField(help_text="Held included.")
    left = serializers.CharField()
    needs = serializers.CharField(
        allow_null=True, help_text="What this request would take; null where it is refused before that is known."
    )
    resets_at = serializers.CharField(allow_null=True, help_text="ISO 8601; null: it does not, or it rolls.")
    is_hard = serializers.BooleanField(help_text="Whether it refuses.")


class ExplanationOut(serializers.Serializer):
    object = serializers.CharField()
    key_id = serializers.CharField()
    model = serializers.CharField()
    allowed = serializers.BooleanField()
    rule = serializers.CharField(help_text="`allowed`, or what refuses, such as `insufficient_quota`.")
    message = serializers.CharField()
    holds = serializers.CharField(allow_null=True, help_text="USD that would be set aside; null when refused.")
    output_cap = serializers.IntegerField(allow_null=True, help_text="Tokens that the answer may have.")
    output_lowered = serializers.BooleanField(help_text="Whether that is less than was asked for.")
    limits = RoomOut(many=True)


class Explain(KeyDoor):
    needs = {"POST": (Permission.SEE_KEYS,)}

    @extend_schema(
        operation_id="keys_explain", parameters=ONCE, request=ExplainIn, responses={200: ExplanationOut, **ERRORS}
    )
    def post(self, request: Request, key_id: str) -> Response:
        """Would a request with this key be answered now, by which rule, and what is left of every limit?

        It asks the gateway's own rules. Nothing is sent, held or spent.
        """
        api_key = self.key(key_id)
        if not self.caller.may(Permission.SEE_MONEY):
            raise faults.forbidden(f"Your role lacks the permission “{Permission.SEE_MONEY.label}”.")
        body = ExplainIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        question = Question(
            model=asked["model"],
            input_tokens=asked["input_tokens"],
            max_tokens=asked.get("max_tokens"),
            address=asked.get("address"),
            key_id=api_key.pk,
        )

        def work() -> Answer:
            return Answer(200, _shown(api_key.public_id, asked["model"], explanation.explain(question)))

        return self.once(request, work)


def _shown(key_id: str, model: str, found: Explanation) -> dict[str, Any]:
    return {
        "object": "explanation",
        "key_id": key_id,
        "model": model,
        "allowed": found.allowed,
        "rule": found.rule,
        "message": found.message,
        "holds": found.holds,
        "output_cap": found.output_cap,
        "output_lowered": found.output_lowered,
        "limits": [asdict(line) for line in found.lines],
    }
