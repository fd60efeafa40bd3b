"""Read CloudEvents: structured JSON, one or a batch."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from gateway import errors

MOST_BYTES = 4 * 1024 * 1024


def _read(stream: IO[Any]) -> Any:
    raw = stream.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise errors.too_large(MOST_BYTES)
    try:
        return orjson.loads(raw)
    except ValueError as error:
        raise ParseError("The request body is not JSON in UTF-8.") from error


class EventParser(BaseParser):
    """One event."""

    media_type = "application/cloudevents+json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        value = _read(stream)
        if not isinstance(value, dict):
            raise ParseError(
                "The request body must be one event, a JSON object; a batch has a content type of its own."
            )
        return value


class BatchParser(BaseParser):
    """A list of events."""

    media_type = "application/cloudevents-batch+json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        value = _read(stream)
        if not isinstance(value, list):
            raise ParseError("The request body must be a JSON array of events.")
        return value


class PlainParser(BaseParser):
    """Either of them, from a client that cannot name the type."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        value = _read(stream)
        if not isinstance(value, dict | list):
            raise ParseError("The request body must be an event or a JSON array of events.")
        return value
