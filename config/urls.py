"""Every URL that Django answers; config/asgi.py sends /v1/*, /user/balance, /healthz and /readyz elsewhere."""

from django.contrib import admin
from django.urls import include, path

handler500 = "dashboard.views.errors.broken"
urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/", include("api.urls")),
    path("", include("dashboard.urls")),
]
