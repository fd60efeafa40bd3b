"""Models & pricing: public, from the rows that bill; members see what they pay."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.models import Organization
from catalog import providers
from catalog.models import Plan
from catalog.models.language_model import FEATURES
from dashboard import model_estimate, model_rows
from dashboard.access import current_membership
from dashboard.api_base import base_url
from dashboard.getting_started_snippets import VARIABLE, snippets
from dashboard.model_estimate import EstimateForm

# Seconds for which a page that is the same for everybody may be kept.
_KEPT = 60


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Every model on sale with its prices, what a workload would cost with each, and the plans."""
    form = model_estimate.asked(request.GET)
    wanted = request.GET.get("q", "").strip()[:100]
    features = [name for name in dict.fromkeys(request.GET.getlist("feature")) if name in FEATURES]
    now = timezone.now()
    found = model_rows.rows(model_rows.buyer_of(_organization(request)), now, _work(form))
    listed = model_rows.matching(found, wanted, features)
    context = {
        "listed": listed,
        "wanted": wanted,
        "features": [(name, title, name in features) for name, title in FEATURES.items()],
        "is_narrowed": bool(wanted or features),
        "estimate": form,
        "has_estimate": any(one.estimate for one in listed),
        "month_days": model_estimate.DAYS,
        "plans": Plan.objects.all(),
        "base_url": base_url(request),
        "demo_in_use": providers.demo_in_use(),
    }
    return _shown(request, "dashboard/models.html", context, form)


@require_safe
def model(request: HttpRequest, name: str) -> HttpResponse:
    """One model: what it can do and costs, since when, and how to call it; a retired one says what to use."""
    form = model_estimate.asked(request.GET)
    now, buyer = timezone.now(), model_rows.buyer_of(_organization(request))
    found = None if "\0" in name else model_rows.one(name, buyer, now, _work(form))
    if found is None:
        raise Http404
    context = {
        "row": found,
        "history": model_rows.history(name, buyer, now),
        "plans": Plan.objects.all(),
        "estimate": form,
        "month_days": model_estimate.DAYS,
        "snippets": snippets(base_url(request), name) if found.can_be_tried else [],
        "variable": VARIABLE,
        "base_url": base_url(request),
    }
    return _shown(request, "dashboard/model.html", context, form)


def _organization(request: HttpRequest) -> Organization | None:
    membership = current_membership(request)
    return membership.organization if membership else None


def _work(form: EstimateForm) -> model_estimate.Workload | None:
    return form.workload if form.is_bound and form.is_valid() else None


def _shown(request: HttpRequest, template: str, context: dict[str, Any], form: EstimateForm) -> HttpResponse:
    """What is the same for every stranger may be kept for a minute; a member's prices are nobody else's."""
    response = render(request, template, context, status=422 if form.errors else 200)
    patch_vary_headers(response, ["Cookie"])
    is_alone = not {settings.SESSION_COOKIE_NAME, "messages"} & set(request.COOKIES)
    if is_alone and response.status_code == 200:
        patch_cache_control(response, public=True, max_age=_KEPT)
    else:
        patch_cache_control(response, private=True, no_store=True)
    return response
