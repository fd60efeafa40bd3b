"""Read a JSON body: small, UTF-8, an object."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from gateway import errors

MOST_BYTES = 256 * 1024


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON.")


class BodyParser(BaseParser):
    """JSON without its extensions, and without a way to make the server read or nest without end."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise errors.too_large(MOST_BYTES)
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError("The request body is not JSON in UTF-8.") from error
        if not isinstance(value, dict):
            raise ParseError("The request body must be a JSON object.")
        return value
