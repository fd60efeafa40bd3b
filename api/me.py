"""/api/v1/me: who calls, and what the caller may do."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Permission, Role, Scope
from api.door import Door
from api.schema import ERRORS


class OrganizationOut(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    time_zone = serializers.CharField(help_text="IANA zone of days and months.")
    suspended = serializers.BooleanField(source="is_suspended")


class CallingKeyOut(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    project_id = serializers.CharField(source="project.public_id")
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))


class PersonOut(serializers.Serializer):
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(Role.choices)


class MeOut(serializers.Serializer):
    object = serializers.CharField()
    organization = OrganizationOut()
    key = CallingKeyOut(allow_null=True, help_text="Null in a session.")
    user = PersonOut(allow_null=True, help_text="Null for a key.")
    permissions = serializers.ListField(child=serializers.ChoiceField(Permission.choices))


class Me(Door):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)

    @extend_schema(operation_id="me", responses={200: MeOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Who calls, for which organization, and what the caller may do."""
        caller = self.caller
        seen: dict[str, Any] = {
            "object": "caller",
            "organization": caller.organization,
            "key": caller.api_key,
            "user": caller.membership,
            "permissions": sorted(caller.permissions),
        }
        return Response(MeOut(seen).data)
