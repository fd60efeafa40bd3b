"""The API alone."""

from django.urls import include, path

urlpatterns = [path("api/", include("api.urls")), path("v1/organization/", include("api.openai_urls"))]
