"""Pages are sent compressed: markup shrinks to a sixth."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """Only whole HTML pages. A stream would be held back until the compressor has enough, and answers of the REST API
    would lose their strong ETag, by which If-Match compares.

    Nobody learns a secret from the sizes of pages: tokens of forms are masked anew in every answer, and Django adds a
    file name of random length to the compressed data.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress what is worth it for those who take it."""
        kind = response.headers.get("Content-Type", "")
        if response.streaming or not kind.startswith("text/html"):
            return response
        return super().process_response(request, response)
