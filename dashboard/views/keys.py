"""API keys: list, create, regenerate, stop. A secret is in one response only, which nobody may store."""

import secrets
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, keys, reach
from accounts.keys import Issued
from accounts.models import ApiKey, Project
from accounts.roles import Permission, Scope
from billing import limits
from catalog.prices import price_list
from dashboard import key_list, key_rows, undo
from dashboard.access import Desk, member
from dashboard.api_base import base_url
from dashboard.form_once import once
from dashboard.key_forms import CreateKeyForm, RegenerateForm, RestrictionsForm
from dashboard.request_rows import zone_of
from foundation import shown_dates

# ---------------------------------------------------------------- finding


def _own_projects(desk: Desk) -> list[Project]:
    return [project for project in desk.projects() if project.archived_at is None]


def find(desk: Desk, public_id: str, *, manage: bool = True) -> ApiKey:
    """A key of a project within reach that the person may see (and manage); anything else does not exist."""
    key = (
        ApiKey.objects.visible()
        .select_related("organization", "project", "owner", "created_by")
        .prefetch_related("secrets")
        .filter(organization=desk.organization, public_id=public_id)
        .first()
    )
    if key is None or not key_rows.may_see(desk, key) or (manage and not desk.may_manage(key)):
        raise Http404
    return key


def may_give(desk: Desk, form: RestrictionsForm) -> None:
    """Only what the member may hand out can be chosen."""
    scopes = form.fields["scopes"]
    assert isinstance(scopes, forms.MultipleChoiceField)
    scopes.choices = [choice for choice in Scope.choices if reach.may_give(desk.membership, [choice[0]])]


def add_errors(form: forms.Form, error: ValidationError) -> None:
    """A verb's errors at the fields they speak of."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for field, found in error.error_dict.items():
        name = "expires_on" if field == "expires_at" else field
        form.add_error(name if name in form.fields else None, found)


# ---------------------------------------------------------------- list


@require_safe
@member(Permission.SEE_KEYS)
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A page of the keys that are not revoked, unless the filter says otherwise."""
    asked = key_list.read(request.GET)
    part = key_list.page(desk, asked)
    context = {
        "rows": key_rows.rows(desk, part.keys),
        "part": part,
        "asked": asked,
        "orders": key_list.orders(asked),
        "sizes": key_list.sizes(asked),
        "projects": [project for project in desk.projects() if not project.deleted_at],
        "may_create": desk.may(Permission.MANAGE_OWN_KEYS),
        "form": _new_form(desk) if desk.may(Permission.MANAGE_OWN_KEYS) else None,
    }
    return render(request, "dashboard/keys.html", context)


# ---------------------------------------------------------------- create


def _new_form(desk: Desk, data: Any = None) -> CreateKeyForm:
    form = CreateKeyForm(
        data,
        projects=_own_projects(desk),
        limits_money=desk.may(Permission.MANAGE_MONEY),
        initial={"token": secrets.token_hex(16)},
    )
    may_give(desk, form)
    return form


@member(Permission.MANAGE_OWN_KEYS)
def create(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The form, and the one response that shows the secret."""
    form = _new_form(desk, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = once(
                desk,
                "key",
                form.cleaned_data["token"],
                lambda: _create(request, desk, form),
                lambda issued: issued.api_key.public_id,
            )
        except ValidationError as error:
            add_errors(form, error)
        else:
            if made.fresh:
                return _show(request, made.fresh.api_key, made.fresh.secret, title=_("Key created"))
            messages.info(request, _("Key created. The secret was shown once."))
            return redirect("dashboard:key", made.public_id)
    return render(request, "dashboard/key_create.html", {"form": form}, status=422 if form.errors else 200)


def _create(request: HttpRequest, desk: Desk, form: CreateKeyForm) -> Issued:
    """The key and its limit, both or neither."""
    project = next(one for one in _own_projects(desk) if one.public_id == form.cleaned_data["project"])
    owner = desk.user if form.cleaned_data["owner"] == "me" else None
    with transaction.atomic():
        issued = keys.create(
            project, form.cleaned_data["name"], desk.actor(request), owner=owner, restrictions=form.restrictions()
        )
        if terms := form.cleaned_data["terms"]:
            limits.set_limit(issued.api_key, terms, desk.actor(request))
        return issued


def _show(request: HttpRequest, key: ApiKey, secret: str, *, title: str) -> HttpResponse:
    sold = [one.model.name for one in price_list()]
    allowed = [name for name in sold if key.allowed_models is None or name in key.allowed_models]
    context = {
        "key": key,
        "secret": secret,
        "heading": title,
        "base_url": base_url(request),
        "example_model": next(iter(allowed or sold), ""),
    }
    response = render(request, "dashboard/key_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


# ---------------------------------------------------------------- secrets, and stopping a key


@member(Permission.MANAGE_OWN_KEYS)
def regenerate(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """A new secret, shown once; the old one stops now or after a grace period."""
    found = find(desk, key)
    current = found.current_secret()
    form = RegenerateForm(request.POST or None, initial={"token": current.pk if current else "", "grace": "now"})
    if request.method == "POST" and form.is_valid():
        token = form.cleaned_data["token"]
        try:
            issued = keys.regenerate(
                found,
                desk.actor(request),
                grace=form.period(),
                replaces=int(token) if token.isdigit() else 0,
            )
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("dashboard:key", key)
        return _show(request, issued.api_key, issued.secret, title=_("Key regenerated"))
    return render(
        request, "dashboard/key_regenerate.html", {"key": found, "form": form}, status=422 if form.errors else 200
    )


@require_POST
@member(Permission.MANAGE_OWN_KEYS)
def stop_old(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """End the grace period now."""
    keys.stop_old_secret(find(desk, key), desk.actor(request))
    messages.success(request, _("The old secret is refused from now on."))
    return redirect("dashboard:key", key)


@member(Permission.MANAGE_OWN_KEYS)
def revoke(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Stop a key for good; a key in use asks for its name."""
    found = find(desk, key)
    facts = key_rows.recent_use(found)
    wrong = False
    if request.method == "POST":
        wrong = facts.requests > 0 and request.POST.get("name", "").strip() != found.name
        if not wrong:
            keys.revoke(found, desk.actor(request))
            messages.success(request, _revoked(desk, found, facts.last_used))
            return redirect("dashboard:keys")
    context = {"key": found, "facts": facts, "wrong": wrong}
    return render(request, "dashboard/key_revoke.html", context, status=422 if wrong else 200)


def _revoked(desk: Desk, key: ApiKey, last_used: datetime | None) -> str:
    said = _("%(name)s is revoked. Requests with it fail with 401 from now on.") % {"name": key.name}
    if last_used is None:
        return said
    at = last_used.astimezone(zone_of(desk.user))
    return said + " " + _("Its last request was at %(at)s.") % {"at": shown_dates.instant_text(at)}


@require_POST
@member(Permission.MANAGE_OWN_KEYS)
def disable(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Stop a key until it is enabled again."""
    found = find(desk, key)
    if _toggled(request, desk, found, keys.disable):
        said = _("The key is disabled. Requests with it fail with 401.")
        undo.offer(request, said, reverse("dashboard:key-enable", args=[key]))
    return redirect("dashboard:key", key)


@require_POST
@member(Permission.MANAGE_OWN_KEYS)
def enable(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Let a disabled key work again."""
    if _toggled(request, desk, find(desk, key), keys.enable):
        messages.success(request, _("The key works again."))
    return redirect("dashboard:key", key)


def _toggled(request: HttpRequest, desk: Desk, key: ApiKey, verb: Any) -> bool:
    try:
        verb(key, desk.actor(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return False
    return True


@member(Permission.MANAGE_OWN_KEYS)
def reveal(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """Copy an existing key, where the organization allows it: asks for the password and is audited."""
    found = find(desk, key)
    if not found.organization.keys_can_be_revealed:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            if get_adapter(request).knows_password(request, desk.user, request.POST.get("password", "")):
                return _show(request, found, keys.reveal(found, desk.actor(request)), title=_("Existing key"))
            audit.record("key.reveal_refused", found, desk.actor(request))
            error = _("This is not your password.")
        except ValidationError as refused:
            error = " ".join(refused.messages)
    return render(request, "dashboard/key_reveal.html", {"key": found, "error": error}, status=422 if error else 200)
