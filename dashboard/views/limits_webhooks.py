"""Webhook endpoints: add, change, test, switch off, rotate, remove; the log of deliveries. A secret is shown once."""

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Permission
from billing import webhooks
from billing.models import DeliveryState, WebhookEndpoint
from billing.webhooks import Issued
from dashboard import edits
from dashboard.access import Desk, member
from dashboard.form_errors import add_errors
from dashboard.form_once import once
from dashboard.limit_webhook_forms import AddEndpointForm, ChangeEndpointForm, RotateForm

_LOG = 50


def _find(desk: Desk, public_id: str) -> WebhookEndpoint:
    """An endpoint of the organization that was not removed."""
    found = next((one for one in webhooks.endpoints(desk.organization) if one.public_id == public_id), None)
    if found is None:
        raise Http404
    return found


def _id_of(issued: Issued) -> str:
    return issued.endpoint.public_id


def _secret(request: HttpRequest, issued: Issued, title: str) -> HttpResponse:
    """The one answer that holds the secret."""
    context = {"endpoint": issued.endpoint, "secret": issued.secret, "heading": title}
    response = render(request, "dashboard/limit_webhook_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@never_cache
@require_safe
@member(Permission.MANAGE_ORGANIZATION)
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The endpoints, each with what came of its newest message."""
    rows = [
        (one, webhooks.deliveries(desk.organization, endpoint=one).first())
        for one in webhooks.endpoints(desk.organization)
    ]
    return render(request, "dashboard/limit_webhooks.html", {"rows": rows})


@never_cache
@member(Permission.MANAGE_ORGANIZATION)
def add(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The form, and the one answer that shows the secret."""
    form = AddEndpointForm(request.POST or None, initial={"token": secrets.token_hex(16)})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = once(
                desk,
                "webhook",
                data["token"],
                lambda: webhooks.create_endpoint(
                    desk.organization,
                    data["url"],
                    desk.actor(request),
                    types=data["types"],
                    description=data["description"],
                ),
                _id_of,
            )
        except ValidationError as error:
            add_errors(form, error)
        else:
            if made.fresh:
                return _secret(request, made.fresh, _("Endpoint added"))
            messages.info(request, _("Endpoint added. The secret was shown once."))
            return redirect("dashboard:limit-webhook", made.public_id)
    return render(request, "dashboard/limit_webhook_add.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@member(Permission.MANAGE_ORGANIZATION)
def detail(request: HttpRequest, desk: Desk, endpoint: str) -> HttpResponse:
    """Change where and what is told; the log."""
    with edits.alone(request, desk, lambda: _find(desk, endpoint)) as found:
        form = ChangeEndpointForm(request.POST or None, endpoint=found)
        if request.method == "POST" and form.is_valid():
            try:
                webhooks.change(found, desk.actor(request), **form.cleaned_data)
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved."))
                return redirect("dashboard:limit-webhook", endpoint)
    context: dict[str, Any] = {
        "endpoint": found,
        "form": form,
        "rotate": RotateForm(initial={"token": secrets.token_hex(16)}),
        "deliveries": webhooks.deliveries(desk.organization, endpoint=found)[:_LOG],
        "pending": DeliveryState.PENDING,
    }
    return render(request, "dashboard/limit_webhook.html", context, status=422 if form.errors else 200)


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def test(request: HttpRequest, desk: Desk, endpoint: str) -> HttpResponse:
    """Send a test message now and say what came of it."""
    found = _find(desk, endpoint)
    try:
        delivery = webhooks.send_test(found, desk.actor(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        if delivery.state == DeliveryState.DELIVERED:
            messages.success(
                request, _("The test message was taken: the answer was %(status)s.") % {"status": delivery.last_status}
            )
        else:
            why = delivery.last_error or delivery.last_status or _("no answer yet; see the log")
            messages.error(request, _("The test message failed: %(why)s") % {"why": why})
    return redirect("dashboard:limit-webhook", endpoint)


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def switch(request: HttpRequest, desk: Desk, endpoint: str) -> HttpResponse:
    """Off, or on again with a clean record."""
    found = _find(desk, endpoint)
    on = request.POST.get("on") == "yes"
    try:
        webhooks.change(found, desk.actor(request), enabled=on)
        messages.success(request, _("The endpoint is on.") if on else _("The endpoint is off; nothing is sent to it."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("dashboard:limit-webhook", endpoint)


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def rotate(request: HttpRequest, desk: Desk, endpoint: str) -> HttpResponse:
    """A new secret, shown once."""
    found = _find(desk, endpoint)
    form = RotateForm(request.POST)
    if form.is_valid():
        try:
            made = once(
                desk,
                f"rotate:{found.pk}",
                form.cleaned_data["token"],
                lambda: webhooks.rotate_secret(found, desk.actor(request), overlap=form.length()),
                _id_of,
            )
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            if made.fresh:
                return _secret(request, made.fresh, _("New secret"))
            messages.info(request, _("The secret was rotated, and the new one was shown once."))
    else:
        messages.error(request, _("Choose when the old secret stops."))
    return redirect("dashboard:limit-webhook", endpoint)


@member(Permission.MANAGE_ORGANIZATION)
def remove(request: HttpRequest, desk: Desk, endpoint: str) -> HttpResponse:
    """Say what ends, then end it."""
    found = _find(desk, endpoint)
    if request.method == "POST":
        webhooks.remove(found, desk.actor(request))
        messages.success(request, _("The endpoint is removed."))
        return redirect("dashboard:limit-webhooks")
    return render(request, "dashboard/limit_webhook_remove.html", {"endpoint": found})


@require_POST
@member(Permission.MANAGE_ORGANIZATION)
def replay(request: HttpRequest, desk: Desk, endpoint: str, delivery: str) -> HttpResponse:
    """Send an old message again."""
    found = _find(desk, endpoint)
    chosen = webhooks.deliveries(desk.organization, endpoint=found).filter(public_id=delivery.replace("\0", "")).first()
    if chosen is None:
        raise Http404
    try:
        webhooks.replay(chosen, desk.actor(request))
        messages.success(request, _("The message is on its way again."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("dashboard:limit-webhook", endpoint)
