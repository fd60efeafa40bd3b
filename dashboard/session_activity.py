"""Remember when and from where each session was last used, for its owner; written at most every five minutes."""

import logging
import time

from allauth.usersessions.models import UserSession
from django.db import OperationalError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

logger = logging.getLogger(__name__)
_SECONDS = 300
_MOST_REMEMBERED = 10_000
# By session key, when this process last wrote; a restart or another worker writes once more.
_written: dict[str, float] = {}


class SessionActivity(MiddlewareMixin):
    """A page is never refused because this could not be written."""

    def process_request(self, request: HttpRequest) -> None:
        key = request.session.session_key
        if not key or not request.META.get("REMOTE_ADDR"):
            return
        now = time.monotonic()
        if now - _written.get(key, -_SECONDS) < _SECONDS or not request.user.is_authenticated:
            return
        if len(_written) >= _MOST_REMEMBERED:
            _written.clear()
        _written[key] = now
        try:
            UserSession.objects.create_from_request(request)
        except OperationalError:
            logger.warning("The activity of a session was not written: the database is busy.")
