"""What was used and what it cost: cards, a chart, a breakdown and an export of one filter that lives in the URL."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Permission
from dashboard import figures, usage_export, usage_filters, usage_report, usage_sorts
from dashboard.access import Desk, member
from dashboard.usage_choices import choices, day_fields
from dashboard.usage_filters import Scope, Unknown, UsageFilter
from dashboard.usage_report import Report
from usage import request_list
from usage.named_periods import preset


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def usage(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page; a form that was sent leads to the canonical URL of its filter."""
    chosen = _filter(request, desk)
    if "shown" in request.GET and not chosen.errors:
        return redirect(f"{request.path}{chosen.query()}")
    context = {
        "filter": chosen,
        "choices": choices(chosen),
        "periods": usage_filters.PERIODS.items(),
        "days": day_fields(chosen),
        "usual_metric": usage_filters.usual_metric(chosen.scope),
        "clear_url": chosen.query(project=[], key=[], model=[], member=[]),
        "projects_of_mine": None if desk.may(Permission.SEE_USAGE) else chosen.scope.projects,
    }
    if not chosen.errors:
        context |= _report(chosen)
    return render(request, "dashboard/usage.html", context)


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def export(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The same filter as CSV."""
    chosen = _filter(request, desk)
    if chosen.errors:
        lines = [f"{name}: {message}" for name, message in chosen.errors.items()]
        return HttpResponse("\n".join(lines), status=400, content_type="text/plain; charset=utf-8")
    return usage_export.response(chosen)


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def newest(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Which request is the newest, for a page that asks whether it is out of date."""
    chosen = _filter(request, desk)
    return JsonResponse({"newest": "" if chosen.errors else _newest(chosen)})


def _newest(chosen: UsageFilter) -> str:
    """The newest request of the days within reach; what is narrowed further is not looked at."""
    found = request_list.newest_first(chosen.scope.filter(chosen.edges("day")))
    return found.values_list("request_id", flat=True).first() or ""


def _report(chosen: UsageFilter) -> dict[str, Any]:
    report = usage_report.make(chosen, timezone.now())
    metrics = {
        name: title for name, title in usage_filters.METRICS.items() if name != "cost" or chosen.scope.sees_money
    }
    context = {
        "report": report,
        "metrics": _toggles(chosen, "metric", metrics),
        "groupings": _toggles(chosen, "by", usage_filters.GROUPINGS),
        "splits": _toggles(chosen, "split", usage_filters.SPLITS) if chosen.metric == "tokens" else [],
        "heads": usage_sorts.heads(chosen, report.grouping, _share_title(report)),
        "newest_url": f"{reverse('dashboard:usage-newest')}{chosen.query()}" if chosen.is_running else "",
        "newest": _newest(chosen),
        "chart_label": report.chart.label(figures.span(chosen.first, chosen.last)),
    }
    if report.is_empty:
        context |= _nothing(chosen, report)
    elif not report.chart.total:
        # Free models only: there are requests and tokens, and no cost.
        context["empty_text"] = _("These requests cost nothing.")
    return context


def _share_title(report: Report) -> str:
    return _("Share of %(metric)s") % {"metric": str(report.metric.title).lower()}


def _nothing(chosen: UsageFilter, report: Report) -> dict[str, Any]:
    """No request in these days: when the last one was, and a way to where something is."""
    found = report.last_use()
    if found is None:
        return {"last_use": None}
    last_use, fits = found
    days = {"first": figures.day_text(chosen.first), "last": figures.day_text(chosen.last)}
    text = _("No usage on %(first)s.") if chosen.first == chosen.last else _("No usage from %(first)s to %(last)s.")
    last = (
        _("Last use on %(day)s.")
        if fits
        else _("No other day has any with these filters; without them, the last use was on %(day)s.")
    )
    text = f"{text % days} {last % {'day': figures.day_text(last_use)}}"
    shown = preset(usage_filters.USUAL_PERIOD, chosen.today)
    recent = shown[0] <= last_use <= shown[1] and (chosen.first, chosen.last) != shown
    # The link leads to the use that is spoken of.
    filters: dict[str, Any] = {} if fits else {"project": [], "key": [], "model": [], "member": []}
    return {
        "last_use": last_use,
        "empty_text": text,
        "empty_url": chosen.query(period=usage_filters.USUAL_PERIOD, **filters)
        if recent
        else chosen.query(days=(last_use - timedelta(days=6), last_use), **filters),
        "empty_action": _("Show last 30 days") if recent else _("Show those days"),
    }


def _toggles(chosen: UsageFilter, name: str, titles: dict[str, str]) -> list[dict[str, Any]]:
    """One link for each value of a toggle."""
    current = getattr(chosen, name)
    return [
        {"title": title, "url": chosen.query(**{name: value}), "is_chosen": value == current}
        for value, title in titles.items()
    ]


def _filter(request: HttpRequest, desk: Desk) -> UsageFilter:
    """Of what this person may see; anything else is not there."""
    scope = Scope(desk.organization, desk.projects(), desk.may(Permission.SEE_USAGE), desk.sees_money)
    try:
        return usage_filters.read(request.GET, scope, timezone.now())
    except Unknown as error:
        raise Http404(str(error)) from error
