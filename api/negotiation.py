"""JSON, whatever the client says that it accepts."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AlwaysJson(BaseContentNegotiation):
    """The first renderer of the view, whatever the client accepts: an error must never be an HTML page."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> Any:
        coding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise UnsupportedMediaType(coding, "The body is compressed. Send it as it is, without Content-Encoding.")
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        found = next((parser for parser in parsers if parser.media_type == sent), None)
        if found is None:
            taken = " or ".join(parser.media_type or "" for parser in parsers)
            raise UnsupportedMediaType(sent, f"The body must be JSON. Send `Content-Type: {taken}`.")
        return found

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, str(first.media_type)
