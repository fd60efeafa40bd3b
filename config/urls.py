"""Every URL that Django answers; config/asgi.py sends the gateway's, /healthz and /readyz elsewhere."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler500 = "dashboard.views.errors.broken"
_security = RedirectView.as_view(pattern_name="dashboard:settings-security")
urlpatterns = [
    path("admin/", admin.site.urls),
    # Where allauth leads after a change; the Security page shows all of it.
    path("accounts/2fa/", _security),
    path("accounts/2fa/webauthn/", _security),
    path("accounts/sessions/", _security),
    path("accounts/", include("allauth.urls")),
    path("api/", include("api.urls")),
    path("v1/organization/", include("api.openai_urls")),
    path("", include("dashboard.urls")),
]
