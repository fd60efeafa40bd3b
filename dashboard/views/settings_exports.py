"""Settings, Exports: files of each day to a bucket, and what became of each; add, change, run, switch, remove."""

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Permission
from billing import exports
from billing.exports import Target
from billing.models import ExportPlace, ExportState, ScheduledExport
from dashboard import edits
from dashboard.access import Desk, member
from dashboard.export_forms import AddExportForm, ChangeExportForm, ExportKeyForm, RunExportForm
from dashboard.form_errors import add_errors
from dashboard.form_once import once

_FILES = 50
_TARGET = ("bucket", "region", "endpoint", "prefix", "access_key_id", "secret_access_key")


def _find(desk: Desk, public_id: str) -> ScheduledExport:
    """An export of the organization that was not removed."""
    rows = ScheduledExport.objects.not_removed().select_related("organization")
    found = rows.filter(organization=desk.organization, public_id=public_id.replace("\0", "")).first()
    if found is None:
        raise Http404
    return found


def _own(desk: Desk, public_id: str) -> ScheduledExport:
    """One that the organization set itself: the operator's is the operator's to change."""
    found = _find(desk, public_id)
    if found.place == ExportPlace.DIRECTORY:
        raise Http404
    return found


@never_cache
@require_safe
@member(Permission.MANAGE_ORGANIZATION)
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The exports, each with what became of it lately."""
    found = ScheduledExport.objects.not_removed().filter(organization=desk.organization)
    rows = [(one, exports.standing(one)) for one in found]
    context = {"rows": rows, "is_full": len(rows) >= exports.MOST_EXPORTS, "most": exports.MOST_EXPORTS}
    return render(request, "dashboard/settings_exports.html", context)


@never_cache
@member(Permission.MANAGE_ORGANIZATION)
def add(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The form."""
    form = AddExportForm(request.POST or None, token=secrets.token_hex(16))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = once(
                desk,
                "export",
                data["token"],
                lambda: exports.to_bucket(
                    desk.organization,
                    Target(**{name: data[name] for name in _TARGET}),
                    desk.actor(request),
                    contents=data["contents"],
                    format_=data["format"],
                    first_day=data["first_day"],
                ),
                lambda export: export.public_id,
            )
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("Export added. Each day is written when it is over."))
            return redirect("dashboard:settings-export", made.public_id)
    return render(request, "dashboard/settings_export_add.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@member(Permission.MANAGE_ORGANIZATION)
def detail(request: HttpRequest, desk: Desk, export: str) -> HttpResponse:
    """Change what is written; the files."""
    find = _own if request.method == "POST" else _find
    with edits.alone(request, desk, lambda: find(desk, export)) as found:
        form = ChangeExportForm(request.POST or None, export=found)
        if request.method == "POST" and form.is_valid():
            try:
                exports.change(found, desk.actor(request), contents=form.cleaned_data["contents"])
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved."))
                return redirect("dashboard:settings-export", export)
    return _page(request, found, form=form)


def _page(request: HttpRequest, found: ScheduledExport, **forms: Form) -> HttpResponse:
    """The page of one export, with the forms that were sent as they were sent."""
    context: dict[str, Any] = {
        "export": found,
        "standing": exports.standing(found),
        "is_own": found.place != ExportPlace.DIRECTORY,
        "form": ChangeExportForm(export=found),
        "key_form": ExportKeyForm(export=found),
        "run_form": RunExportForm(newest=exports.newest_day(found)),
        "files": found.files.order_by("-day", "content")[:_FILES],
        "done": ExportState.DONE,
        "zone": found.organization.zone,
    }
    status = 422 if any(form.errors for form in forms.values()) else 200
    return render(request, "dashboard/settings_export.html", context | forms, status=status)


@never_cache
@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def key(request: HttpRequest, desk: Desk, export: str) -> HttpResponse:
    """Another access key from now on."""
    found = _own(desk, export)
    form = ExportKeyForm(request.POST, export=found)
    if form.is_valid():
        try:
            exports.change(found, desk.actor(request), **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The new key is used from now on."))
            return redirect("dashboard:settings-export", export)
    return _page(request, found, key_form=form)


@never_cache
@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def run(request: HttpRequest, desk: Desk, export: str) -> HttpResponse:
    """Write a day again, within a minute."""
    found = _find(desk, export)
    form = RunExportForm(request.POST, newest=exports.newest_day(found))
    if form.is_valid():
        try:
            exports.run_now(found, desk.actor(request), form.cleaned_data["day"])
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The day is written within a minute. Reload this page to see it."))
            return redirect("dashboard:settings-export", export)
    return _page(request, found, run_form=form)


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def switch(request: HttpRequest, desk: Desk, export: str) -> HttpResponse:
    """Off, or on again: then the days since are written too."""
    found = _own(desk, export)
    on = request.POST.get("on") == "yes"
    try:
        exports.change(found, desk.actor(request), enabled=on)
        is_on, is_off = _("The export is on; days since it was off are written too."), _("The export is off.")
        messages.success(request, is_on if on else is_off)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("dashboard:settings-export", export)


@member(Permission.MANAGE_ORGANIZATION)
def remove(request: HttpRequest, desk: Desk, export: str) -> HttpResponse:
    """Say what ends, then end it."""
    found = _own(desk, export)
    if request.method == "POST":
        exports.remove(found, desk.actor(request))
        messages.success(request, _("The export is removed. What was written stays where it is."))
        return redirect("dashboard:settings-exports")
    return render(request, "dashboard/settings_export_remove.html", {"export": found})
