"""URLs under /api/ of usage that did not pass the gateway."""

from django.urls import path

from api.events import Events

urlpatterns = [path("v1/events", Events.as_view(), name="api-events")]
