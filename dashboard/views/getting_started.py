"""Getting started: a checklist that ticks itself, the first key and the first call."""

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.keys import Issued
from accounts.models import Project
from accounts.roles import Permission
from catalog.prices import price_list
from dashboard import getting_started_steps
from dashboard.access import Desk, member
from dashboard.api_base import base_url
from dashboard.form_errors import add_errors
from dashboard.form_once import once
from dashboard.getting_started_form import DAYS, FirstKeyForm
from dashboard.getting_started_snippets import VARIABLE, snippets
from dashboard.templatetags.getting_started import HIDDEN_COOKIE, is_hidden

_YEAR = 60 * 60 * 24 * 365


@never_cache
@require_safe
@member()
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The checklist as it stands; the page asks for itself again while it waits for the first call."""
    return _page(request, desk, _form(desk))


@never_cache
@require_POST
@member(Permission.MANAGE_OWN_KEYS)
def create_key(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The first key, and the one response that shows its secret, already in the examples."""
    form = _form(desk, request.POST)
    if not form.is_valid():
        return _page(request, desk, form, status=422)
    project = next(one for one in _projects(desk) if one.public_id == form.cleaned_data["project"])
    name, by = form.cleaned_data["name"], desk.actor(request)
    try:
        made = once(
            desk,
            "first-key",
            form.cleaned_data["token"],
            lambda: keys.create(project, name, by, owner=desk.user, restrictions=form.restrictions()),
            lambda issued: issued.api_key.public_id,
        )
    except ValidationError as error:
        add_errors(form, error)
        return _page(request, desk, form, status=422)
    if made.fresh is None:
        messages.info(request, _("Key created. The secret was shown once."))
        return redirect("dashboard:getting-started")
    response = _page(request, desk, None, issued=made.fresh)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@member()
def hide(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Take the page out of the menu; it stays where it is."""
    response = redirect("dashboard:overview")
    response.set_cookie(HIDDEN_COOKIE, "hidden", max_age=_YEAR, samesite="Lax", httponly=True)
    return response


@require_POST
@member()
def unhide(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Put it back into the menu."""
    response = redirect("dashboard:getting-started")
    response.delete_cookie(HIDDEN_COOKIE, samesite="Lax")
    return response


def _projects(desk: Desk) -> list[Project]:
    return [project for project in desk.projects() if project.archived_at is None]


def _form(desk: Desk, data: Any = None) -> FirstKeyForm:
    return FirstKeyForm(data, projects=_projects(desk), initial={"token": secrets.token_hex(16)})


def _page(
    request: HttpRequest, desk: Desk, form: FirstKeyForm | None, *, issued: Issued | None = None, status: int = 200
) -> HttpResponse:
    address = base_url(request)
    checklist = getting_started_steps.make(desk)
    model = next((one.model.name for one in price_list() if one.prices), "MODEL")
    current = "call" if issued else "key" if form is not None and form.errors else checklist.current
    context = {
        "checklist": checklist,
        "current": current,
        "form": form,
        "issued": issued,
        "has_project": bool(_projects(desk)),
        "days": DAYS,
        "base_url": address,
        "example_model": model,
        "snippets": snippets(address, model, issued.secret if issued else ""),
        "variable": VARIABLE,
        "is_hidden": is_hidden(request),
    }
    return render(request, "dashboard/getting_started.html", context, status=status)
