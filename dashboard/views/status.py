"""The status page: for everybody where the settings say so, and also while the database is away."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import status_report
from billing.status_report import AWAY, Report
from dashboard import playground_line
from gateway.errors import ApiError


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The components as they are now; the page asks for itself again every half a minute."""
    if not settings.STATUS_PUBLIC and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    try:
        report = status_report.make(_gateway_alive(request), timezone.now(), for_staff=_is_staff(request))
        return _answer(report, request)
    except AWAY:
        # Who is logged in is not known without the database: the page is then what a stranger sees.
        return _answer(status_report.make(_gateway_alive(request), timezone.now()), None)


def _is_staff(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))


def _gateway_alive(request: HttpRequest) -> Any:
    """Asks the gateway of this process; None where none runs."""
    try:
        gateway = playground_line.gateway_of(request)
    except ApiError:
        return None
    return lambda: gateway.bridge.is_alive


def _answer(report: Report, request: HttpRequest | None) -> HttpResponse:
    """Without a request nothing is read for the frame of the page."""
    alone = {"site_name": settings.SITE_NAME, "page": "status", "theme": "system"} if request is None else {}
    text = loader.get_template("dashboard/status.html").render({"report": report, **alone}, request)
    return HttpResponse(text, status=503 if report.database_away or request is None else 200)
