"""/v1/organization/admin_api_keys and /projects/{id}/api_keys, in OpenAI's shapes: keys that manage, and all others."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.idempotency import Answer
from accounts.keys import Restrictions
from accounts.models import ApiKey, Membership
from accounts.roles import Role, Scope
from api.openai_door import AfterQuery, OpenAIDoor, asked_of, found, person, seconds
from api.openai_projects import project_of
from api.strict import Strict
from usage import last_use

_LONGEST_SECONDS = 10 * 366 * 86_400


class KeyOrder(AfterQuery):
    order = serializers.ChoiceField(["asc", "desc"], default="asc")


class AdminKeyCreate(Strict):
    name = serializers.CharField(max_length=64)
    expires_in_seconds = serializers.IntegerField(min_value=1, max_value=_LONGEST_SECONDS, required=False)


class _KeysDoor(OpenAIDoor):
    def ever(self) -> Any:
        """Keys that people manage or managed."""
        return ApiKey.objects.visible().filter(organization=self.caller.organization)

    def live(self) -> Any:
        """Those that were not revoked."""
        rows = self.ever().not_revoked()
        return rows.select_related("project", "owner", "created_by", "organization").prefetch_related("secrets")

    def managing(self) -> Any:
        """Those that manage. JSON lists are compared as they are stored: such a key has few other scopes."""
        ids = [key.pk for key in self.live() if Scope.MANAGEMENT in key.scopes]
        return self.live().filter(pk__in=ids)

    def others(self, project_id: str) -> Any:
        """Those of the project that do not manage."""
        rows = self.live().filter(project=project_of(self.caller, project_id))
        return rows.exclude(pk__in=self.managing().values("pk"))

    def shown(self, found_keys: list[ApiKey], one: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
        """The keys with their last use and the role of their owners."""
        used = last_use.by_key([key.pk for key in found_keys])
        roles = dict(Membership.objects.filter(organization=self.caller.organization).values_list("user_id", "role"))
        return [one(key, used.get(key.pk), roles) for key in found_keys]


@extend_schema(exclude=True)
class AdminKeys(_KeysDoor):
    def get(self, request: Request) -> Response:
        """Keys with the management scope."""
        asked = asked_of(KeyOrder, request)
        newest_first = asked["order"] == "desc"
        return self.listed(
            self.managing(),
            asked,
            lambda rows: self.shown(rows, _admin_key),
            newest_first=newest_first,
            among=self.ever(),
        )

    def post(self, request: Request) -> Response:
        """A new one, of the project of the calling key; `value` is shown this once."""
        asked = asked_of(AdminKeyCreate, request)
        now = timezone.now()
        lasts = asked.get("expires_in_seconds")
        restrictions = Restrictions(
            scopes=(Scope.MANAGEMENT,), expires_at=now + timedelta(seconds=lasts) if lasts else None
        )
        assert self.caller.api_key is not None
        project = self.caller.api_key.project

        def work() -> Answer:
            made = keys.create(project, asked["name"], self.caller.actor, restrictions=restrictions, now=now)
            [shown] = self.shown([made.api_key], _admin_key)
            return Answer(200, {**shown, "value": None}, secret=made.secret)

        return self.once(request, work)


@extend_schema(exclude=True)
class AdminKey(_KeysDoor):
    def get(self, request: Request, key_id: str) -> Response:
        """One of them."""
        key = found(self.managing(), "key", public_id=key_id)
        return Response(self.shown([key], _admin_key)[0])

    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke it."""
        keys.revoke(found(self.managing(), "key", public_id=key_id), self.caller.actor)
        return Response({"object": "organization.admin_api_key.deleted", "id": key_id, "deleted": True})


@extend_schema(exclude=True)
class ProjectKeys(_KeysDoor):
    def get(self, request: Request, project_id: str) -> Response:
        """The project's keys without those that manage."""
        asked = asked_of(AfterQuery, request)
        rows, ever = self.others(project_id), self.ever().filter(project__public_id=project_id)
        return self.listed(rows, asked, lambda page: self.shown(page, _project_key), among=ever)


@extend_schema(exclude=True)
class ProjectKey(_KeysDoor):
    def get(self, request: Request, project_id: str, key_id: str) -> Response:
        """One of them."""
        key = found(self.others(project_id), "key", public_id=key_id)
        return Response(self.shown([key], _project_key)[0])

    def delete(self, request: Request, project_id: str, key_id: str) -> Response:
        """Revoke it."""
        keys.revoke(found(self.others(project_id), "key", public_id=key_id), self.caller.actor)
        return Response({"object": "organization.project.api_key.deleted", "id": key_id, "deleted": True})


def _admin_key(key: ApiKey, used: Any, roles: dict[int, str]) -> dict[str, Any]:
    if key.owner is not None:
        who = person(key.owner, roles.get(key.owner.pk, ""), object="organization.user", type="user")
    else:
        who = {**_account(key), "object": "organization.service_account", "type": "service_account"}
    return {
        "object": "organization.admin_api_key",
        "id": key.public_id,
        "name": key.name,
        "redacted_value": key.hint,
        "created_at": seconds(key.created_at),
        "expires_at": seconds(key.expires_at),
        "last_used_at": seconds(used),
        "owner": who,
    }


def _project_key(key: ApiKey, used: Any, roles: dict[int, str]) -> dict[str, Any]:
    if key.owner is not None:
        role = roles.get(key.owner.pk, "")
        who: dict[str, Any] = {
            "type": "user",
            "user": {
                **person(key.owner, role, object="organization.project.user", email=key.owner.email),
                "role": "owner" if role in (Role.OWNER, Role.ADMIN) else "member",
            },
        }
    else:
        account = {**_account(key), "object": "organization.project.service_account", "role": "member"}
        who = {"type": "service_account", "service_account": account}
    return {
        "object": "organization.project.api_key",
        "id": key.public_id,
        "name": key.name,
        "redacted_value": key.hint,
        "created_at": seconds(key.created_at),
        "last_used_at": seconds(used),
        "owner": who,
        "owner_project_access": "inactive" if key.project.archived_at else "active",
    }


def _account(key: ApiKey) -> dict[str, Any]:
    """A key of a project belongs to nobody: the project stands for an account."""
    return {
        "id": key.project.public_id,
        "name": key.project.name,
        "created_at": seconds(key.project.created_at),
        "role": "owner",
    }
