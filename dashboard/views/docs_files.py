"""Files that the documentation gives out: the command-line client that fits this server, and the script of set-up."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import client_file

_SETUP = Path(settings.BASE_DIR) / "docs" / "setup.sh"


@require_safe
def client(request: HttpRequest) -> HttpResponse:
    """The command-line client."""
    headers = {"Content-Disposition": 'attachment; filename="meterhouse.pyz"'}
    return HttpResponse(client_file.content(), content_type="application/zip", headers=headers)


@require_safe
def setup_script(request: HttpRequest) -> HttpResponse:
    """The shell script that sets up an organization."""
    return HttpResponse(_SETUP.read_bytes(), content_type="text/plain; charset=utf-8")
