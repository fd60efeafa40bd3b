"""Models & pricing: public, from the rows that bill."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from catalog import providers
from catalog.models import Plan
from catalog.prices import price_list
from dashboard.api_base import base_url


def models(request: HttpRequest) -> HttpResponse:
    """Every model on sale with its prices, and the plans."""
    wanted = request.GET.get("q", "").strip()
    listed = [one for one in price_list() if wanted.lower() in one.model.name.lower()]
    context = {
        "listed": listed,
        "wanted": wanted,
        "plans": Plan.objects.all(),
        "base_url": base_url(request),
        "demo_in_use": providers.demo_in_use(),
    }
    return render(request, "dashboard/models.html", context)
