"""How the description names the header that makes a POST repeatable."""

from drf_spectacular.utils import OpenApiParameter

from accounts.idempotency import MOST_CHARACTERS
from api.door import HEADER, VISIBLE

_SCHEMA = {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS, "pattern": f"^{VISIBLE}$"}


def repeatable(description: str) -> list[OpenApiParameter]:
    """The header of a POST."""
    return [OpenApiParameter(HEADER, _SCHEMA, OpenApiParameter.HEADER, description=description)]


ONCE = repeatable("Any text of your own: a repeated request with it has no second effect and gets the same answer.")
