"""The OpenAPI description as pages: Swagger UI to try it, Redoc to read it, both from local files."""

from functools import cache
from pathlib import Path
from typing import Any

import drf_spectacular_sidecar
from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

_BUNDLE = "static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
# The one thing that Redoc would fetch from elsewhere, each time somebody reads the page.
_FOREIGN = "https://cdn.redoc.ly/redoc/logo-mini.svg"

# Both write style attributes and elements; no other page may.
_styles_inline = method_decorator(csp_update({"style-src": [UNSAFE_INLINE]}), name="dispatch")


@_styles_inline
class ApiDocs(SpectacularSwaggerSplitView):
    url_name = "api-schema"
    permission_classes: Any = ()
    authentication_classes: Any = ()


@_styles_inline
class ApiReference(SpectacularRedocView):
    url_name = "api-schema"
    template_name = "api/redoc.html"
    permission_classes: Any = ()
    authentication_classes: Any = ()

    @staticmethod
    def _redoc_standalone() -> str:
        return reverse("api-reference-script")


@require_safe
@cache_control(public=True, max_age=3600)
@gzip_page
def reference_script(request: HttpRequest) -> HttpResponse:
    """Redoc itself, without the picture: it shows none when there is none to show."""
    return HttpResponse(_script(), content_type="text/javascript; charset=utf-8")


@cache
def _script() -> str:
    folder = Path(drf_spectacular_sidecar.__file__).parent
    return (folder / _BUNDLE).read_text().replace(_FOREIGN, "data:,")
