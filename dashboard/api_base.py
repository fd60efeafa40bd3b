"""Where customers' code finds the API."""

from django.http import HttpRequest

from foundation.addresses import absolute


def base_url(request: HttpRequest) -> str:
    """The base URL for OpenAI clients: PUBLIC_URL, else as the browser sees this house."""
    return absolute(request, "/v1")
