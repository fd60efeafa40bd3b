"""Where customers' code finds the API."""

from django.conf import settings
from django.http import HttpRequest


def base_url(request: HttpRequest) -> str:
    """The base URL for OpenAI clients: PUBLIC_URL, else as the browser sees this house."""
    return f"{settings.PUBLIC_URL or request.build_absolute_uri('/').rstrip('/')}/v1"
