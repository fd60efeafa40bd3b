"""The documentation: public, from Markdown files, with this house's own address, models, plans and prices."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import docs_site
from dashboard.docs_markdown import Section
from dashboard.docs_site import Page
from dashboard.docs_values import values

# What stands for a code that is null: the type of the error in our counts, the word itself elsewhere.
_WITHOUT_A_CODE = {"invalid_request_error": "invalid_json", "null": "invalid_json"}


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
def search(request: HttpRequest) -> JsonResponse:
    """Every section of every page, for the search in the browser."""
    pages = (one for _title, group in docs_site.pages(values(request)) for one in group)
    entries = [_entry(one, section) for one in pages for section in one.content.sections]
    response = JsonResponse({"sections": entries})
    response["Cache-Control"] = "private, max-age=300"
    return response


def _entry(found: Page, section: Section) -> dict[str, Any]:
    url = reverse("dashboard:docs-page", args=[found.slug])
    return {
        "url": f"{url}#{section.anchor}" if section.anchor else url,
        "page": found.content.title,
        "title": section.title,
        "text": " ".join(" ".join(section.words).split()),
    }
