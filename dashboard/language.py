"""Whose language a page is in: the person's choice, else the cookie's, else the browser's; the API speaks English."""

from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation


def known(code: str) -> bool:
    """Whether pages exist in this language."""
    return code in dict(settings.LANGUAGES)


class PersonLanguage:
    """Comes after the log-in; LocaleMiddleware before it has looked at cookie and browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = _of(request)
        if chosen and chosen != translation.get_language():
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        return self.get_response(request)


def _of(request: HttpRequest) -> str:
    """The language to use instead of what cookie or browser say; empty for none."""
    if request.path.startswith("/api/"):
        return settings.LANGUAGE_CODE
    # Whoever has no session has chosen nothing: no row is read for them.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ""
    try:
        language = getattr(request.user, "language", "")
    except (OperationalError, InterfaceError):
        # The page itself says that the database is away.
        return ""
    return language if known(language) else ""
