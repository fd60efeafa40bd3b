"""The Requests tab of Usage: the requests behind every figure, and the page of one."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Permission
from billing.models import RefusedRequest
from dashboard import figures, request_export, request_filters, request_histogram, request_rows, usage_filters
from dashboard.access import Desk, member
from dashboard.request_filters import RequestFilter
from dashboard.usage_choices import choices, day_fields
from dashboard.usage_filters import Scope, Unknown
from usage.models import UsageEvent


def _scope(desk: Desk) -> Scope:
    return Scope(desk.organization, desk.projects(), desk.may(Permission.SEE_USAGE), desk.sees_money)


def _filter(request: HttpRequest, desk: Desk) -> RequestFilter:
    """Of what this person may see; anything else is not there."""
    try:
        return request_filters.read(request.GET, _scope(desk), timezone.now())
    except Unknown as error:
        raise Http404(str(error)) from error


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Newest first, a page at a time; a request id leads to its page."""
    chosen = _filter(request, desk)
    if chosen.typed_id and request_rows.find(chosen.scope, chosen.typed_id):
        return redirect("dashboard:request", chosen.typed_id)
    if "shown" in request.GET and not chosen.usage.errors and not chosen.typed_id:
        return redirect(f"{request.path}{chosen.query()}")
    context: dict[str, Any] = {
        "filter": chosen.usage,
        "chosen": chosen,
        "choices": choices(chosen.usage),
        "periods": usage_filters.PERIODS.items(),
        "days": day_fields(chosen.usage),
        "usual_metric": usage_filters.usual_metric(chosen.scope),
        "clear_url": chosen.query(project=[], key=[], model=[], member=[], ended="", status="", hour=None),
        "own_chips": _chips(chosen),
        "endings": request_filters.ENDINGS.items(),
        "statuses": request_filters.STATUSES.items(),
        "zone": request_rows.zone_of(desk.user).key,
        "refused": _refused(chosen) if chosen.typed_id else None,
    }
    if not chosen.usage.errors:
        context |= _page(chosen, desk)
    return render(request, "dashboard/requests.html", context)


def _page(chosen: RequestFilter, desk: Desk) -> dict[str, Any]:
    try:
        found = chosen.page()
    except Unknown as error:
        raise Http404(str(error)) from error
    shown = found[: chosen.size]
    zone = request_rows.zone_of(desk.user)
    histogram = None if chosen.hour else request_histogram.make(chosen, timezone.now())
    return {
        "rows": request_rows.rows(shown, zone),
        "places": figures.places_for(event.charge for event in shown),
        "older": chosen.query(before=shown[-1].pk) if len(found) > chosen.size else "",
        "newest": chosen.query() if chosen.before else "",
        "sizes": [(size, chosen.query(size=size), size == chosen.size) for size in request_filters.SIZES],
        "total": histogram.total if histogram else None,
        "histogram": histogram.chart if histogram and histogram.total.requests else None,
        "too_many": histogram is None and not chosen.hour,
        "histogram_label": histogram.chart.label(figures.span(chosen.usage.first, chosen.usage.last))
        if histogram
        else "",
        "has_any": bool(shown) or UsageEvent.objects.filter(**_ever(chosen.scope)).exists(),
        "hour_text": f"{chosen.hour.astimezone(chosen.usage.zone):%H:%M %Z}" if chosen.hour else "",
    }


def _chips(chosen: RequestFilter) -> list[dict[str, str]]:
    """What this tab filters beyond the Usage page, each with a link without it."""
    found = []
    if chosen.hour:
        hour = f"{chosen.hour.astimezone(chosen.usage.zone):%H:%M %Z}"
        found.append({"title": _("Hour from"), "name": hour, "url": chosen.query(hour=None)})
    if chosen.ended:
        name = str(request_filters.ENDINGS[chosen.ended])
        found.append({"title": _("Ended"), "name": name, "url": chosen.query(ended="")})
    if chosen.status:
        name = str(request_filters.STATUSES[chosen.status])
        found.append({"title": _("Status"), "name": name, "url": chosen.query(status="")})
    return found


def _ever(scope: Scope) -> dict[str, Any]:
    where: dict[str, Any] = {"organization": scope.organization}
    if not scope.every:
        where["project__in"] = [project.pk for project in scope.projects]
    return where


def _refused(chosen: RequestFilter) -> RefusedRequest | None:
    """A request with the id that was typed may have been refused: then it used nothing."""
    scope = chosen.scope
    found = RefusedRequest.objects.filter(organization=scope.organization, request_id=chosen.typed_id)
    if not scope.every:
        found = found.filter(api_key__project__in=[project.pk for project in scope.projects])
    return found.first()


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def export(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The same filter as CSV, all pages."""
    chosen = _filter(request, desk)
    if chosen.usage.errors:
        lines = [f"{name}: {message}" for name, message in chosen.usage.errors.items()]
        return HttpResponse("\n".join(lines), status=400, content_type="text/plain; charset=utf-8")
    return request_export.response(chosen)


@never_cache
@require_safe
@member(Permission.SEE_OWN_USAGE)
def detail(request: HttpRequest, desk: Desk, request_id: str) -> HttpResponse:
    """One request: what it was, how long it took, what it cost and why."""
    event = request_rows.find(_scope(desk), request_id)
    if event is None:
        raise Http404
    zone = request_rows.zone_of(desk.user)
    context: dict[str, Any] = {
        "row": request_rows.row(event, zone),
        "event": event,
        "zone": zone.key,
        "timing": request_rows.timing(event),
        "source": request_rows.source_words(event),
        "person": event.user or event.api_key.owner,
        "key_url_shown": desk.may(Permission.SEE_KEYS) and not event.api_key.is_playground,
    }
    if desk.sees_money:
        context["arithmetic"] = request_rows.arithmetic(event)
    if desk.may(Permission.MANAGE_MONEY):
        context["paid_from"] = request_rows.paid_from(event)
    return render(request, "dashboard/request.html", context)
