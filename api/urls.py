"""URLs under /api/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from api.docs import ApiDocs

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs", ApiDocs.as_view(), name="api-docs"),
]
