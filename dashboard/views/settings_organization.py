"""Settings, Organization: name, time zone, whether keys can be copied, and what was changed by whom."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import organizations
from accounts.models import ApiKeySecret, AuditEntry
from accounts.roles import Permission
from dashboard.access import Desk, member
from dashboard.form_errors import add_errors
from dashboard.settings_forms import OrganizationForm

_ENTRIES = 50
_ABOUT = ("Organization", "Membership", "Invitation", "Project")


@member(Permission.MANAGE_ORGANIZATION)
def organization(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page, and its form of name and zone."""
    mine = desk.organization
    initial = {"name": mine.name, "time_zone": mine.time_zone}
    form = OrganizationForm(request.POST or None, current=mine.time_zone, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            organizations.change(mine, desk.actor(request), name=data["name"], time_zone=data["time_zone"])
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("Changes saved."))
            return redirect("dashboard:settings-organization")
    kept = ApiKeySecret.objects.filter(api_key__organization=mine).exclude(sealed="")
    entries = AuditEntry.objects.select_related("actor").filter(organization=mine, object_type__in=_ABOUT)
    context = {"form": form, "copies": kept.count(), "entries": entries[:_ENTRIES]}
    return render(request, "dashboard/settings_organization.html", context, status=422 if form.errors else 200)


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def copying(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Let secrets be copied again, or stop it and erase the copies that are kept."""
    allowed = request.POST.get("allowed") == "yes"
    erased = organizations.let_keys_be_copied(desk.organization, allowed, desk.actor(request))
    if allowed:
        said = _("Secrets that are made from now on can be copied again.")
    else:
        said = _("No key can be copied any more.")
        if erased:
            text = ngettext("%(n)d kept secret was erased.", "%(n)d kept secrets were erased.", erased)
            said = f"{said} {text % {'n': erased}}"
    messages.success(request, said)
    return redirect("dashboard:settings-organization")
