"""The playground: real requests with a session instead of a key, booked on the project's Playground key."""

import re
from datetime import timedelta
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import keys, policies, presets
from accounts.models import Membership, Preset, Project
from accounts.principal import Principal
from accounts.roles import Permission
from billing import callers
from billing.models import Hold
from catalog import providers
from dashboard import playground_estimate, playground_line, playground_models
from dashboard.access import Desk, member
from dashboard.api_base import base_url
from dashboard.views.playground_presets import payers
from foundation.money import usd_string
from gateway.errors import ApiError
from usage.models import UsageEvent

_TURN = re.compile(r"[0-9a-f]{32}")
# A receipt is asked for right after its request.
_RECENT = timedelta(hours=1)
# Parameters with a slider: name, label, least, most, step. The browser sets the most of max_tokens by the model.
_RANGES = (
    ("temperature", _("Temperature"), "0", "2", "0.01"),
    ("top_p", _("Top P"), "0", "1", "0.01"),
    ("max_tokens", _("Max output tokens"), "1", "8192", "1"),
    ("frequency_penalty", _("Frequency penalty"), "-2", "2", "0.01"),
    ("presence_penalty", _("Presence penalty"), "-2", "2", "0.01"),
)


class Entry(NamedTuple):
    """Who enters the line: a person, and the principal of the project's Playground key."""

    principal: Principal
    user_id: int


@require_GET
@member(Permission.USE_PLAYGROUND)
def playground(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The page; `?project=` chooses who pays, `?preset=` or `?model=` what to start from."""
    projects = payers(desk)
    preset = _preset(desk, request.GET.get("preset", ""), projects)
    own_project = preset.project.public_id if preset and preset.project else ""
    wanted = request.GET.get("project", own_project)
    project = next((one for one in projects if one.public_id == wanted), None)
    if wanted and project is None:
        raise Http404("There is no such project.")
    response = render(
        request,
        "dashboard/playground.html",
        {
            "preset": preset,
            "project": project or (projects[0] if projects else None),
            "projects": projects,
            "models": playground_models.choices(desk.organization),
            "model_wanted": request.GET.get("model", ""),
            "may_pay": desk.may(Permission.MANAGE_MONEY),
            "ranges": _RANGES,
            "has_demo": providers.demo_in_use(),
            "base_url": base_url(request),
        },
    )
    # A link in an answer must not even cause a name to be looked up: that alone could carry data away.
    response["X-DNS-Prefetch-Control"] = "off"
    return response


def _preset(desk: Desk, wanted: str, projects: list[Project]) -> Preset | None:
    """The preset that a link names; 404 unless this person may see it."""
    if not wanted:
        return None
    # PostgreSQL does not even look for a NUL.
    preset = None if "\0" in wanted else presets.visible(desk.membership, projects).filter(public_id=wanted).first()
    if preset is None:
        raise Http404("There is no such preset.")
    return preset


@require_POST
async def chat(request: HttpRequest) -> HttpResponseBase:
    """One chat completion: the body is the request, the headers name the project and the turn."""
    try:
        entry = await sync_to_async(_enter)(request)
        turn = _turn(request.headers.get("x-playground-turn", ""))
        gateway = playground_line.gateway_of(request)
    except ApiError as error:
        return HttpResponse(
            error.body(),
            status=error.status,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
    # One byte more than the limit is enough for the gateway to refuse it.
    body = request.read(gateway.options.body_limit + 1)
    call = playground_line.Call(gateway, request.scope, body)  # type: ignore[attr-defined]
    call.exchange.request_id = playground_line.request_id_of(entry.user_id, turn)
    return await call.response(entry.principal, entry.user_id)


def _turn(text: str) -> str:
    if not _TURN.fullmatch(text):
        raise ApiError(400, "invalid_request_error", "invalid_value", "X-Playground-Turn: 32 hexadecimal digits.")
    return text


def _enter(request: HttpRequest) -> Entry:
    """Checked anew on every request; raises ApiError in the gateway's shape."""
    try:
        return _entry(request)
    finally:
        # A stream may last for minutes; it must not keep a database connection to itself.
        if not connection.in_atomic_block:
            connection.close()


def _entry(request: HttpRequest) -> Entry:
    user = request.user
    if not user.is_authenticated:
        raise ApiError(401, "invalid_request_error", "session_ended", "Your session ended. Log in again.")
    wanted = request.headers.get("x-playground-project", "")
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(user=user, organization__projects__public_id=wanted)
        .first()
    )
    if membership is None:
        raise _no_project()
    desk = Desk(user, membership)
    if policies.lacks_factor(membership):
        raise ApiError(403, "permission_error", "two_factor_required", "Set up two-factor log-in first.")
    if not desk.may(Permission.USE_PLAYGROUND):
        raise ApiError(403, "permission_error", "role_not_allowed", "Your role cannot use the playground.")
    project = next((one for one in payers(desk) if one.public_id == wanted), None)
    if project is None:
        raise _no_project()
    if not desk.organization.is_confirmed:
        raise ApiError(403, "permission_error", "organization_unconfirmed", "Confirm your e-mail address first.")
    key = keys.playground_key(project)
    principal = callers.by_playground_key([key.pk], timezone.now())[key.pk].principal
    return Entry(principal, user.pk)


def _no_project() -> ApiError:
    return ApiError(404, "invalid_request_error", "project_not_found", "There is no such project.")


@never_cache
@require_POST
@member(Permission.USE_PLAYGROUND)
def estimate(request: HttpRequest, desk: Desk) -> JsonResponse:
    """What this request would take; it is counted and forgotten."""
    return JsonResponse(playground_estimate.estimate(desk.organization, request.body))


@never_cache
@require_GET
def receipt(request: HttpRequest, turn: str) -> JsonResponse:
    """What the ledger has for a turn of this person: settled, released, active or unknown."""
    if not request.user.is_authenticated:
        return JsonResponse({"state": "session_ended"}, status=401)
    request_id = playground_line.request_id_of(request.user.pk, turn)
    own = {"request_id": request_id, "user": request.user, "organization__memberships__user": request.user}
    # The state is read first: an event that is written in between is then found, never a settled turn without figures.
    recent = Hold.objects.filter(admitted_at__gte=timezone.now() - _RECENT, **own)
    state = recent.values_list("state", flat=True).first()
    event = UsageEvent.objects.filter(**own).first()
    if event:
        return JsonResponse(_billed(event))
    return JsonResponse({"state": state or "unknown", "request_id": request_id})


def _billed(event: UsageEvent) -> dict[str, Any]:
    return {
        "state": "settled",
        "request_id": event.request_id,
        "input": event.input_tokens,
        "cached": event.cached_input_tokens,
        "output": event.output_tokens,
        "reasoning": event.reasoning_tokens,
        "charge": usd_string(event.charge),
        "reason": event.finish_reason,
    }
