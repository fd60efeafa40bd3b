"""Whose language a page is in: the person's choice, else the cookie's, else the browser's; the API speaks English.
Numbers have the marks of the person's choice.
"""

from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from foundation import shown_numbers


def known(code: str) -> bool:
    """Whether pages exist in this language."""
    return code in dict(settings.LANGUAGES)


class PersonLanguage:
    """Comes after the log-in; LocaleMiddleware before it has looked at cookie and browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = _of(request)
        shown_numbers.use(_number_format(request))
        if chosen and chosen != translation.get_language():
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        return self.get_response(request)


def _of(request: HttpRequest) -> str:
    """The language to use instead of what cookie or browser say; empty for none."""
    if request.path.startswith("/api/"):
        return settings.LANGUAGE_CODE
    language = _choice(request, "language")
    return language if known(language) else ""


def _number_format(request: HttpRequest) -> str:
    return "" if request.path.startswith("/api/") else _choice(request, "number_format")


def _choice(request: HttpRequest, name: str) -> str:
    """What the person chose; empty for nothing."""
    # Whoever has no session has chosen nothing: no row is read for them.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ""
    try:
        return str(getattr(request.user, name, ""))
    except (OperationalError, InterfaceError):
        # The page itself says that the database is away.
        return ""
