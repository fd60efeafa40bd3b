"""Keys as JSON: what goes out, and what comes in."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.keys import GRACE_PERIODS
from accounts.models import ApiKey
from accounts.roles import Scope
from api.envelopes import ListOut
from api.instant import Instant, instant
from api.strict import Strict
from catalog.models import LanguageModel
from usage import last_use


@extend_schema_field({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
class AddressField(serializers.IPAddressField):
    """An IP address as text."""


class OwnerOut(serializers.Serializer):
    email = serializers.EmailField()
    name = serializers.CharField()


class KeyOut(serializers.Serializer):
    """An API key; its secret is not kept in the clear."""

    object = serializers.SerializerMethodField()
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    project_id = serializers.CharField(source="project.public_id")
    owner = OwnerOut(allow_null=True, help_text="Null: the key belongs to the project.")
    hint = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    allowed_models = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Null: every model."
    )
    allowed_networks = serializers.ListField(child=serializers.CharField(), help_text="Empty: every address.")
    requests_per_minute = serializers.IntegerField(allow_null=True)
    created_at = Instant()
    expires_at = Instant(allow_null=True)
    disabled_at = Instant(allow_null=True)
    revoked_at = Instant(allow_null=True)
    previous_secret_ends_at = serializers.SerializerMethodField()
    last_used_at = serializers.SerializerMethodField()

    def get_object(self, api_key: ApiKey) -> str:
        return "api_key"

    def get_hint(self, api_key: ApiKey) -> str | None:
        """How the current secret ends; null for a role that manages no keys."""
        return api_key.hint if self.context["hints"] else None

    def get_status(self, api_key: ApiKey) -> str:
        return api_key.status()

    def get_previous_secret_ends_at(self, api_key: ApiKey) -> str | None:
        secret = api_key.retiring_secret()
        if secret is None or secret.ends_at is None:
            return None
        return instant(secret.ends_at)

    def get_last_used_at(self, api_key: ApiKey) -> str | None:
        used_at = self.context["last_used"].get(api_key.pk)
        return instant(used_at) if used_at else None


def shown(api_keys: Sequence[ApiKey], *, hints: bool) -> list[dict[str, Any]]:
    """The keys as JSON, with their last use looked up at once."""
    context = {"last_used": last_use.by_key([api_key.pk for api_key in api_keys]), "hints": hints}
    return list(KeyOut(api_keys, many=True, context=context).data)


class KeyWithSecretOut(KeyOut):
    """A key with its new secret: shown this once."""

    secret = serializers.CharField(help_text="Keep it now: it is never shown again.")


class KeyListOut(ListOut):
    data = KeyOut(many=True)  # type: ignore[assignment]


class _Restrictions(Strict):
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), required=False, min_length=1, max_length=10
    )
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, allow_null=True, max_length=200
    )
    allowed_networks = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=200)
    requests_per_minute = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=10_000_000)
    expires_at = Instant(required=False, allow_null=True)

    def validate_allowed_models(self, names: list[str] | None) -> list[str] | None:
        known = set(LanguageModel.objects.filter(name__in=names or ()).values_list("name", flat=True))
        unknown = [name for name in names or () if name not in known]
        if unknown:
            raise serializers.ValidationError(f"There is no model named {unknown[0]!r}.")
        return names


class KeyCreate(_Restrictions):
    name = serializers.CharField(max_length=64)
    project_id = serializers.CharField(
        max_length=40, required=False, help_text="Without it: the calling key's project, or the oldest one."
    )
    owned_by = serializers.ChoiceField(
        ["me", "project"], required=False, help_text="`me` only in a session, where it is the default."
    )


class KeyChange(_Restrictions):
    name = serializers.CharField(max_length=64, required=False)


class KeyRegenerate(Strict):
    grace = serializers.ChoiceField(
        list(GRACE_PERIODS), default="now", help_text="How long the old secret still works."
    )


class Nothing(Strict):
    """An empty object, or no body at all."""
