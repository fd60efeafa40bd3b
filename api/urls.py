"""URLs under /api/."""

from django.urls import include, path, re_path, register_converter
from django.views.decorators.gzip import gzip_page
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularYAMLAPIView

from api import key_explanation, key_secrets, keys
from api.docs import ApiDocs, ApiReference, reference_script
from api.me import Me
from api.unknown import Unknown


class KeyId:
    """A key's public id; anything else is no route."""

    regex = "key_[0-9A-Za-z]{1,36}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KeyId, "key_id")

urlpatterns = [
    path("v1/me", Me.as_view(), name="api-me"),
    path("v1/keys", keys.Keys.as_view(), name="api-keys"),
    path("v1/keys/<key_id:key_id>", keys.Key.as_view(), name="api-key"),
    path("v1/keys/<key_id:key_id>/regenerate", keys.Regenerate.as_view(), name="api-key-regenerate"),
    path("v1/keys/<key_id:key_id>/revoke", keys.Revoke.as_view(), name="api-key-revoke"),
    path("v1/keys/<key_id:key_id>/disable", keys.Disable.as_view(), name="api-key-disable"),
    path("v1/keys/<key_id:key_id>/enable", keys.Enable.as_view(), name="api-key-enable"),
    path("v1/keys/<key_id:key_id>/secrets", key_secrets.Secrets.as_view(), name="api-key-secrets"),
    path("v1/keys/<key_id:key_id>/stop-old-secret", key_secrets.StopOld.as_view(), name="api-key-stop-old-secret"),
    path("v1/keys/<key_id:key_id>/explain", key_explanation.Explain.as_view(), name="api-key-explain"),
    path("", include("api.money_urls")),
    path("", include("api.event_urls")),
    path("", include("api.export_urls")),
    path("", include("api.organization_urls")),
    path("openapi.json", gzip_page(SpectacularJSONAPIView.as_view()), name="api-schema"),
    path("openapi.yaml", gzip_page(SpectacularYAMLAPIView.as_view()), name="api-schema-yaml"),
    path("docs", ApiDocs.as_view(), name="api-docs"),
    path("redoc", ApiReference.as_view(), name="api-reference"),
    path("redoc.js", reference_script, name="api-reference-script"),
    re_path(".*", Unknown.as_view()),
]
