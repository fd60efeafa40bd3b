"""What people see when a page fails: static pages that need no database, with a reference that the log has too."""

import logging
import secrets

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.template import loader
from django.utils.deprecation import MiddlewareMixin

logger = logging.getLogger("django.request")
# No letters or digits that look alike when somebody reads them out.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def _page(template: str, status: int, request: HttpRequest) -> HttpResponse:
    reference = "".join(secrets.choice(_ALPHABET) for _ in range(5))
    logger.error("Reference %s: %s %s answered %s", reference, request.method, request.path, status)
    response = HttpResponse(loader.get_template(template).render({"reference": reference}), status=status)
    response["Cache-Control"] = "no-store"
    # For a script that asked for a part of a page.
    response["X-Reference"] = reference
    return response


def broken(request: HttpRequest) -> HttpResponse:
    """500: the reason stands in the log, just before the reference."""
    return _page("500.html", 500, request)


class DatabaseAway(MiddlewareMixin):
    """503 instead of 500 when the database cannot be reached."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.error("The database cannot be reached.", exc_info=exception)
        response = _page("503.html", 503, request)
        response["Retry-After"] = "10"
        return response


class NothingToSee(MiddlewareMixin):
    """A page for who opens an address that only takes forms: out of the browser's history, or with Enter after one."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method != "GET" or not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page
