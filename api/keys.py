"""/api/v1/keys: list, create, change, regenerate, revoke, disable and enable."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.idempotency import Answer
from accounts.keys import GRACE_PERIODS, Issued, Restrictions
from accounts.models import ApiKey, Project
from accounts.models.api_key import STATUSES
from accounts.roles import Permission, Scope
from api import faults
from api.door import Door
from api.key_serializers import (
    KeyChange,
    KeyCreate,
    KeyListOut,
    KeyOut,
    KeyRegenerate,
    KeyWithSecretOut,
    Nothing,
    shown,
)
from api.once import ONCE
from api.paging import PageQuery, page
from api.schema import ERRORS

_SEES = (Permission.SEE_KEYS,)
MANAGES = (Permission.MANAGE_OWN_KEYS, Permission.MANAGE_KEYS)


class KeyQuery(PageQuery):
    project = serializers.CharField(max_length=40, required=False, help_text="Id of a project.")
    status = serializers.ListField(
        child=serializers.ChoiceField(STATUSES),
        required=False,
        help_text="Only keys with this status; repeat it for several.",
    )


class KeyDoor(Door):
    """What routes on keys have in common."""

    def visible(self) -> Any:
        """The keys that people manage, in the projects that the caller reaches."""
        return (
            ApiKey.objects.visible()
            .filter(organization=self.caller.organization, project__in=self.caller.projects())
            .select_related("project", "owner", "organization")
            .prefetch_related("secrets")
        )

    def key(self, key_id: str) -> ApiKey:
        """The key; 404 for one that is not there or not within reach."""
        found: ApiKey | None = self.visible().filter(public_id=key_id).first()
        if found is None:
            raise faults.not_found("key")
        return found

    def mine(self, key_id: str) -> ApiKey:
        """The key, which the caller may change; 403 when not."""
        found = self.key(key_id)
        if not self.caller.may_manage(found):
            raise faults.forbidden("Your role may not change this key. Ask an admin of your organization.")
        return found

    def shown(self, api_key: ApiKey) -> dict[str, Any]:
        """The key as it is now."""
        return self.all_shown([self.key(api_key.public_id)])[0]

    def all_shown(self, api_keys: list[ApiKey]) -> list[dict[str, Any]]:
        """The keys as the caller may see them."""
        return shown(api_keys, hints=any(self.caller.may(one) for one in MANAGES))

    def issued(self, issued: Issued, status: int) -> Answer:
        """The key with a new secret."""
        return Answer(status, {**self.shown(issued.api_key), "secret": None}, secret=issued.secret)

    def check_scopes(self, scopes: list[str]) -> None:
        """403 for scopes that are more than the caller has to give."""
        if not self.caller.may_give(scopes):
            raise faults.forbidden("Only an owner or admin may make a key with the management or ingest scope.")


class Keys(KeyDoor):
    needs = {"GET": _SEES, "POST": MANAGES}

    @extend_schema(operation_id="keys_list", parameters=[KeyQuery], responses={200: KeyListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """List the organization's keys, newest first."""
        query = KeyQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows, asked = self.visible(), query.validated_data
        if wanted := asked.get("project"):
            rows = rows.filter(project=self._project(wanted, "project"))
        if statuses := asked.get("status"):
            rows = rows.with_status(statuses)
        found, around = page(rows, asked["limit"], asked.get("cursor"), among=self.visible())
        return Response({"object": "list", "data": self.all_shown(found), **around})

    @extend_schema(
        operation_id="keys_create",
        parameters=ONCE,
        request=KeyCreate,
        responses={201: KeyWithSecretOut, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Create a key; the answer holds its secret, which is shown this once."""
        body = KeyCreate(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        project = self._target(asked.get("project_id"))
        restrictions = _restrictions(asked, Restrictions())
        self.check_scopes(list(restrictions.scopes))
        user = self.caller.actor.user
        if asked.get("owned_by") == "me" and user is None:
            raise serializers.ValidationError({"owned_by": "A key that calls makes keys of the project."})
        owner = None if asked.get("owned_by") == "project" else user

        def work() -> Answer:
            made = keys.create(project, asked["name"], self.caller.actor, owner=owner, restrictions=restrictions)
            return self.issued(made, 201)

        return self.once(request, work)

    def _project(self, public_id: str, param: str) -> Project:
        found = next((one for one in self.caller.projects() if one.public_id == public_id), None)
        if found is None:
            raise faults.not_found("project", param)
        return found

    def _target(self, public_id: str | None) -> Project:
        """The project of a new key."""
        if public_id is not None:
            return self._project(public_id, "project_id")
        if self.caller.api_key:
            return self.caller.api_key.project
        open_ones = sorted((one for one in self.caller.projects() if not one.archived_at), key=lambda one: one.pk)
        if not open_ones:
            raise faults.not_found("project", "project_id")
        return open_ones[0]


class Key(KeyDoor):
    needs = {"GET": _SEES, "PATCH": MANAGES}

    @extend_schema(operation_id="keys_get", responses={200: KeyOut, **ERRORS})
    def get(self, request: Request, key_id: str) -> Response:
        """One key."""
        return Response(self.shown(self.key(key_id)))

    @extend_schema(operation_id="keys_change", request=KeyChange, responses={200: KeyOut, **ERRORS})
    def patch(self, request: Request, key_id: str) -> Response:
        """Change name and restrictions; what is not sent stays."""
        self.mine(key_id)
        body = KeyChange(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        name = asked.pop("name", None)
        with self.edit(request, lambda: self.mine(key_id), self.shown) as api_key, transaction.atomic():
            # As it is now: of two changes at the same time the second adds to the first.
            api_key = ApiKey.objects.select_for_update().get(pk=api_key.pk)
            self.check_scopes(asked.get("scopes", api_key.scopes))
            if name is not None:
                keys.rename(api_key, name, self.caller.actor)
            if asked:
                keys.restrict(api_key, _restrictions(asked, _restrictions_of(api_key)), self.caller.actor)
        return Response(self.shown(api_key))


class Regenerate(KeyDoor):
    needs = {"POST": MANAGES}

    @extend_schema(
        operation_id="keys_regenerate",
        parameters=ONCE,
        request=KeyRegenerate,
        responses={200: KeyWithSecretOut, **ERRORS},
    )
    def post(self, request: Request, key_id: str) -> Response:
        """A new secret for the same key; the old one stops at once, or after `grace`.

        A key that regenerates itself needs a grace: without one it could not ask again when the answer is lost.
        """
        api_key = self.mine(key_id)
        body = KeyRegenerate(data=request.data)
        body.is_valid(raise_exception=True)
        grace = GRACE_PERIODS[body.validated_data["grace"]]
        return self.once(request, lambda: self.issued(keys.regenerate(api_key, self.caller.actor, grace=grace), 200))


class _Switch(KeyDoor):
    """A POST that changes the key's state and says how it is now."""

    needs = {"POST": MANAGES}
    verb: Any

    def switch(self, request: Request, key_id: str) -> Response:
        api_key = self.mine(key_id)
        Nothing(data=request.data).is_valid(raise_exception=True)

        def work() -> Answer:
            type(self).verb(api_key, self.caller.actor)
            return Answer(200, self.shown(api_key))

        return self.once(request, work)


class Revoke(_Switch):
    verb = staticmethod(keys.revoke)

    @extend_schema(operation_id="keys_revoke", parameters=ONCE, request=Nothing, responses={200: KeyOut, **ERRORS})
    def post(self, request: Request, key_id: str) -> Response:
        """Stop the key for good."""
        return self.switch(request, key_id)


class Disable(_Switch):
    verb = staticmethod(keys.disable)

    @extend_schema(operation_id="keys_disable", parameters=ONCE, request=Nothing, responses={200: KeyOut, **ERRORS})
    def post(self, request: Request, key_id: str) -> Response:
        """Stop the key until it is enabled again."""
        return self.switch(request, key_id)


class Enable(_Switch):
    verb = staticmethod(keys.enable)

    @extend_schema(operation_id="keys_enable", parameters=ONCE, request=Nothing, responses={200: KeyOut, **ERRORS})
    def post(self, request: Request, key_id: str) -> Response:
        """Let a disabled key work again."""
        return self.switch(request, key_id)


def _restrictions_of(api_key: ApiKey) -> Restrictions:
    return Restrictions(
        scopes=tuple(api_key.scopes),
        allowed_models=None if api_key.allowed_models is None else tuple(api_key.allowed_models),
        allowed_networks=tuple(api_key.allowed_networks),
        requests_per_minute=api_key.requests_per_minute,
        expires_at=api_key.expires_at,
    )


def _restrictions(asked: dict[str, Any], before: Restrictions) -> Restrictions:
    """What was asked; what was not stays as before."""
    models = asked.get("allowed_models", before.allowed_models)
    return Restrictions(
        scopes=tuple(Scope(one) for one in asked.get("scopes", before.scopes)),
        allowed_models=None if models is None else tuple(models),
        allowed_networks=tuple(asked.get("allowed_networks", before.allowed_networks)),
        requests_per_minute=asked.get("requests_per_minute", before.requests_per_minute),
        expires_at=asked.get("expires_at", before.expires_at),
    )
