"""Settings, Organization: name, time zone, who may join and how, copying of keys, and what was changed by whom."""

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import organizations, policies
from accounts.models import ApiKeySecret, AuditEntry, Organization
from accounts.roles import Permission
from dashboard import edits
from dashboard.access import Desk, member
from dashboard.form_errors import add_errors
from dashboard.settings_forms import AccessForm, OrganizationForm

_ENTRIES = 50
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_ABOUT = ("Organization", "Membership", "Invitation", "Project")


@member(Permission.MANAGE_ORGANIZATION)
def organization(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page, and its form of name and zone."""
    with edits.alone(request, desk, lambda: _now(desk)) as mine:
        form = OrganizationForm(request.POST or None, organization=mine)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                organizations.change(mine, desk.actor(request), name=data["name"], time_zone=data["time_zone"])
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved."))
                return redirect("dashboard:settings-organization")
    return _page(request, mine, form, AccessForm(organization=mine))


def _now(desk: Desk) -> Organization:
    return Organization.objects.get(pk=desk.organization.pk)


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def access(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Who may join, and whether members need a second factor."""
    with edits.alone(request, desk, lambda: _now(desk)) as mine:
        form = AccessForm(request.POST, organization=mine)
        if form.is_valid():
            asked = form.cleaned_data["requires_two_factor"]
            try:
                policies.change(mine, desk.actor(request), domains=form.domains, requires_two_factor=asked)
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved."))
                return redirect("dashboard:settings-organization")
    return _page(request, mine, OrganizationForm(organization=mine), form)


def _page(request: HttpRequest, mine: Organization, form: OrganizationForm, access_form: AccessForm) -> HttpResponse:
    kept = ApiKeySecret.objects.filter(api_key__organization=mine).exclude(sealed="")
    entries = AuditEntry.objects.select_related("actor").filter(organization=mine, object_type__in=_ABOUT)
    without = mine.memberships.filter(user__is_active=True).exclude(user__authenticator__type__in=_FACTORS)
    context = {
        "form": form,
        "access": access_form,
        "without_factor": without.count(),
        "copies": kept.count(),
        "entries": entries[:_ENTRIES],
    }
    is_wrong = form.errors or access_form.errors
    return render(request, "dashboard/settings_organization.html", context, status=422 if is_wrong else 200)


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
