"""Is it working, what does it cost, what to do next: the first page of the console."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Permission
from catalog.models import LanguageModel
from dashboard import failures, limit_rows, overview_report, status_line
from dashboard.access import Desk, member
from dashboard.api_base import base_url
from dashboard.usage_filters import Scope

_FEW = 5


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page; before the first request it shows how to make it."""
    scope = Scope(desk.organization, desk.projects(), desk.may(Permission.SEE_USAGE), desk.sees_money)
    now = timezone.now()
    report = overview_report.make(scope, now)
    context = {
        "report": report,
        "chart": report.chart,
        "chart_label": report.chart.label(report.span),
        "scope": scope,
        "base_url": base_url(request),
        "first_model": LanguageModel.objects.on_sale().values_list("name", flat=True).first(),
        "projects_of_mine": None if scope.every else scope.projects,
    }
    if not report.is_new:
        context["errors"] = failures.newest(scope, now, _FEW)
        limits = limit_rows.rows(scope, now)
        context["closest"] = limit_rows.closest(limits, _FEW)
        context["monthly"] = limit_rows.monthly(limits)
    context["components"] = status_line.read(now)
    return render(request, "dashboard/overview.html", context)
