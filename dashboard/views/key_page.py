"""One key: what it is and did, and changing what it may do."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.models import ApiKey
from accounts.roles import Permission, Scope
from dashboard import edits, failures, key_report, key_rows, limits_held, rate_status, thirty_days
from dashboard.access import Desk, member
from dashboard.key_forms import ChangeKeyForm, RenameForm
from dashboard.usage_filters import Scope as Reached
from dashboard.views.keys import add_errors, find, may_give
from usage import secret_use


@require_safe
@member(Permission.SEE_KEYS)
def detail(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Facts, restrictions, secrets and history of a key."""
    found = find(desk, key, manage=False)
    return _detail(request, desk, found, _change_form(desk, found))


def _change_form(desk: Desk, key: ApiKey) -> ChangeKeyForm | None:
    """What may be changed; None where nothing may."""
    if key.revoked_at or not desk.may_manage(key):
        return None
    form = ChangeKeyForm(api_key=key)
    may_give(desk, form)
    return form


def _detail(
    request: HttpRequest,
    desk: Desk,
    key: ApiKey,
    form: ChangeKeyForm | None,
    renaming: RenameForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    scope = Reached(desk.organization, desk.projects(), desk.may(Permission.SEE_USAGE), desk.sees_money)
    chart, chart_label = thirty_days.of_key(scope, key, now)
    manages = desk.may_manage(key)
    context = {
        "key": key,
        "row": key_rows.rows(desk, [key])[0],
        "rate": None if key.revoked_at else rate_status.of_key(key, now),
        "form": form,
        "renaming": renaming or RenameForm(api_key=key),
        "scopes": [Scope(scope).label for scope in key.scopes],
        "manages": manages,
        "last_address": key_report.last_address(key),
        "usage_url": f"{reverse('dashboard:usage')}?key={key.public_id}",
        "old_use": secret_use.of_old_secret(key, now) if form else None,
        "chart": chart,
        "chart_label": chart_label,
        "limits": [] if key.revoked_at else limits_held.of_key(scope, key, now),
        "failures": failures.of_key(scope, key),
        "secrets": key_report.secrets(key, now) if manages else [],
        "history": key_rows.history(key),
        "may_reveal": form is not None and key.organization.keys_can_be_revealed,
    }
    return render(request, "dashboard/key.html", context, status=status)


@require_POST
@member(Permission.MANAGE_OWN_KEYS)
def restrict(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Change what the key may do."""
    with edits.alone(request, desk, lambda: find(desk, key)) as found:
        form = ChangeKeyForm(request.POST, api_key=found)
        may_give(desk, form)
        if form.is_valid():
            try:
                keys.restrict(found, form.restrictions(), desk.actor(request))
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved. They hold from the next request on."))
                return redirect("dashboard:key", key)
    return _detail(request, desk, found, form, status=422)


@require_POST
@member(Permission.MANAGE_OWN_KEYS)
def rename(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Another name."""
    with edits.alone(request, desk, lambda: find(desk, key)) as found:
        form = RenameForm(request.POST, api_key=found)
        if form.is_valid():
            try:
                keys.rename(found, form.cleaned_data["name"], desk.actor(request))
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved."))
                return redirect("dashboard:key", key)
    return _detail(request, desk, found, _change_form(desk, found), form, status=422)
