"""What the OpenAPI description says beyond the routes themselves."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers


class FaultPart(serializers.Serializer):
    param = serializers.CharField(allow_null=True)
    message = serializers.CharField()
    code = serializers.CharField()


class FaultBody(serializers.Serializer):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    errors = FaultPart(  # type: ignore[assignment]
        many=True, required=False, help_text="Every wrong parameter, where there may be several."
    )


class Fault(serializers.Serializer):
    """The one shape of errors."""

    error = FaultBody()


ERRORS = dict.fromkeys((400, 401, 403, 404, 409, 429), Fault)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API key with the management scope."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.ConsoleSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A session of the console; changes need `X-CSRFToken` as well.",
        }
