"""The documentation: public, from Markdown files, with this house's own address, models, plans and prices."""

from dataclasses import asdict

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import docs_search, docs_site
from dashboard.docs_values import values

# Of the results under the field; its page has all of them.
_MOST_SHOWN = 8
# What stands for a code that is null: the type of the error in our counts, the word itself elsewhere.
_WITHOUT_A_CODE = {
    "invalid_request_error": "invalid_json",
    "null": "invalid_json",
    # How an answer ended that had begun: it has no code in the API.
    **dict.fromkeys(("upstream_error", "client_closed", "interrupted", "recovered"), "streams"),
}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every page with what it is about."""
    return render(request, "dashboard/docs_index.html", {"groups": docs_site.pages(values(request))})


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """One page, between the list of all and its own table of contents."""
    if slug not in docs_site.SLUGS:
        raise Http404("There is no such page.")
    known = values(request)
    groups = docs_site.pages(known)
    row = [one for _title, pages in groups for one in pages]
    place = docs_site.SLUGS.index(slug)
    context = {
        "groups": groups,
        "doc": row[place],
        "before": row[place - 1] if place else None,
        "after": row[place + 1] if place + 1 < len(row) else None,
    }
    return render(request, "dashboard/docs_page.html", context)


@require_safe
def error(request: HttpRequest, code: str) -> HttpResponse:
    """Where an error's code leads: to its cause and fix; one that has none leads to all of them."""
    code = _WITHOUT_A_CODE.get(code, code)
    headings = docs_site.page("errors", values(request)).content.headings
    known = code in {heading.anchor for heading in headings}
    return redirect(reverse("dashboard:docs-page", args=["errors"]) + (f"#{code}" if known else ""))


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What was found, as a page: works without a script."""
    query = _query(request)
    context = {"query": query, "found": docs_search.find(query, values(request))}
    return render(request, "dashboard/docs_found.html", context)


@require_safe
def search_json(request: HttpRequest) -> JsonResponse:
    """The best of what was found, for the field that shows it while one types."""
    found = docs_search.find(_query(request), values(request))
    response = JsonResponse({"count": len(found), "found": [asdict(hit) for hit in found[:_MOST_SHOWN]]})
    response["Cache-Control"] = "private, max-age=60"
    return response


def _query(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[: docs_search.MOST_CHARACTERS]
