"""/api/v1/redemptions: a code for credit, the way out of a 402 that needs no person."""

from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import Answer
from accounts.roles import Permission
from api.balance import GrantOut, shown
from api.codes import CODES
from api.door import HEADER, Door
from api.once import ONCE
from api.schema import ERRORS
from api.strict import Strict
from billing import codes, grant_order
from gateway.errors import ApiError

_NAMES = {
    "mistyped": "code_mistyped",
    "unknown": "code_not_found",
    "expired": "code_expired",
    "used_up": "code_used_up",
    "already": "code_redeemed",
    "too_many": "too_many_codes_tried",
}


class Redeem(Strict):
    code = serializers.CharField(max_length=100, help_text="Five groups of four; case and hyphens do not matter.")


class Redemptions(Door):
    needs = {"POST": (Permission.MANAGE_MONEY,)}

    @extend_schema(operation_id="codes_redeem", parameters=ONCE, request=Redeem, responses={201: GrantOut, **ERRORS})
    def post(self, request: Request) -> Response:
        """Redeem a code: its credit can be used at once. Each organization redeems a code once."""
        body = Redeem(data=request.data)
        body.is_valid(raise_exception=True)
        organization, by = self.caller.organization, self.caller.actor

        def work() -> Answer:
            grant = codes.redeem(organization, body.validated_data["code"], by)
            [placed] = grant_order.placed(organization, [grant], timezone.now())
            return Answer(201, shown(placed))

        try:
            return self.once(request, work)
        except ValidationError as error:
            if error.code == "unknown" and HEADER in request.headers:
                # What was refused leaves no trace, but a guess must.
                codes.note_wrong_try(organization, by)
            raise _refusal(error) from error


def _refusal(error: ValidationError) -> ApiError:
    name = _NAMES[str(error.code)]
    code = CODES[name]
    headers = ((b"retry-after", b"3600"),) if code.status == 429 else ()
    return ApiError(code.status, code.type, name, error.messages[0], param="code", headers=headers)
