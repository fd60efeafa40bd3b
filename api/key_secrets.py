"""/api/v1/keys/{key_id}/secrets and /stop-old-secret: who still uses the old secret of a regenerated key."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.idempotency import Answer
from accounts.models import ApiKey
from api.instant import Instant, instant
from api.key_serializers import KeyOut, Nothing
from api.keys import MANAGES, KeyDoor
from api.once import ONCE
from api.schema import ERRORS
from usage import secret_use
from usage.secret_use import SecretUse

CURRENT, RETIRING, STOPPED = "current", "retiring", "stopped"


class SecretOut(serializers.Serializer):
    hint = serializers.CharField(help_text="How it ends.")
    state = serializers.ChoiceField(
        [CURRENT, RETIRING, STOPPED], help_text="`retiring`: an old one that works until `stops_at`."
    )
    created_at = Instant()
    stops_at = Instant(allow_null=True, help_text="Of a stopped one: when it stopped.")
    requests = serializers.IntegerField(help_text="Metered requests since `counted_since`.")
    last_used_at = Instant(allow_null=True, help_text="Any call, metered or not, to the minute.")
    last_address = serializers.CharField(allow_null=True, help_text="From where the last call came.")


class SecretsOut(serializers.Serializer):
    object = serializers.CharField()
    key_id = serializers.CharField()
    rotated_at = Instant(allow_null=True, help_text="When the current secret was made; null: it is the first one.")
    counted_since = Instant(help_text="The rotation, at most 31 days ago.")
    data = SecretOut(many=True, help_text="The newest ten, newest first.")  # type: ignore[assignment]


class Secrets(KeyDoor):
    needs = {"GET": MANAGES}

    @extend_schema(operation_id="keys_secrets", responses={200: SecretsOut, **ERRORS})
    def get(self, request: Request, key_id: str) -> Response:
        """Who still uses which secret: requests since the last rotation, and when and from where it was used last."""
        return Response(_shown(self.mine(key_id)))


class StopOld(KeyDoor):
    needs = {"POST": MANAGES}

    @extend_schema(
        operation_id="keys_stop_old_secret", parameters=ONCE, request=Nothing, responses={200: KeyOut, **ERRORS}
    )
    def post(self, request: Request, key_id: str) -> Response:
        """End a grace period now: the old secret is refused from the next request on. Without one nothing changes."""
        api_key = self.mine(key_id)
        Nothing(data=request.data).is_valid(raise_exception=True)

        def work() -> Answer:
            keys.stop_old_secret(api_key, self.caller.actor)
            return Answer(200, self.shown(api_key))

        return self.once(request, work)


def _shown(api_key: ApiKey) -> dict[str, Any]:
    rotation = secret_use.rotation(api_key)
    now = timezone.now()
    return {
        "object": "key_secrets",
        "key_id": api_key.public_id,
        "rotated_at": instant(rotation.rotated_at) if rotation.rotated_at else None,
        "counted_since": instant(rotation.counted_since),
        "data": [_secret(one, now) for one in rotation.secrets],
    }


def _secret(use: SecretUse, now: datetime) -> dict[str, Any]:
    ends_at = use.secret.ends_at
    return {
        "hint": str(use.secret),
        "state": CURRENT if ends_at is None else RETIRING if ends_at > now else STOPPED,
        "created_at": instant(use.secret.created_at),
        "stops_at": instant(ends_at) if ends_at else None,
        "requests": use.requests,
        "last_used_at": instant(use.last) if use.last else None,
        "last_address": use.address or None,
    }
