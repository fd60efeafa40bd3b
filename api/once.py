"""How the description names the header that makes a POST repeatable."""

from drf_spectacular.utils import OpenApiParameter

from api.door import HEADER

ONCE = [
    OpenApiParameter(
        HEADER,
        str,
        OpenApiParameter.HEADER,
        description="Any text of your own: a repeated request with it has no second effect and gets the same answer.",
    )
]
