"""Every other path under /api/: an error in JSON, not a page."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from api.dressed import Dressed
from gateway import errors


@extend_schema(exclude=True)
class Unknown(Dressed):
    authentication_classes: Any = ()
    permission_classes: Any = ()
    throttle_classes: Any = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the method."""
        raise errors.unknown_url(request.method or "", request.path)
