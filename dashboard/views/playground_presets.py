"""The playground's presets as its script asks for them; every answer is JSON."""

from collections.abc import Callable
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import presets
from accounts.models import Preset, Project
from accounts.presets import Content
from accounts.roles import Permission
from dashboard.access import Desk, member


def payers(desk: Desk) -> list[Project]:
    """The projects on which this person may book."""
    return [project for project in desk.projects() if project.archived_at is None]


def as_json(desk: Desk, preset: Preset) -> dict[str, Any]:
    """What the page shows of one."""
    maker = preset.created_by
    return {
        "id": preset.public_id,
        "name": preset.name,
        "description": preset.description,
        "model": preset.model,
        "parameters": preset.parameters,
        "messages": preset.messages,
        "version": preset.version,
        "scope": "project" if preset.project_id else "me",
        "by": (maker.name or maker.email) if maker and maker != desk.user else "",
        "may_change": presets.may_change(desk.membership, preset),
    }


@never_cache
@require_http_methods(["GET", "POST"])
@member(Permission.USE_PLAYGROUND)
def listing(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The presets of a project with one's own; POST adds one."""
    project = _project(desk, request.GET.get("project", ""))
    if request.method == "GET":
        found = presets.visible(desk.membership, [project])
        return JsonResponse({"presets": [as_json(desk, preset) for preset in found]})
    return _answer(desk, lambda: _create(request, desk, project), status=201)


@require_POST
@member(Permission.USE_PLAYGROUND)
def update(request: HttpRequest, desk: Desk, public_id: str) -> HttpResponseBase:
    """Other content for one that this person may change."""
    preset = _changeable(desk, public_id)

    def change() -> Preset:
        body = _body(request)
        return presets.update(preset, _content(body), desk.actor(request), version=_version(body))

    return _answer(desk, change)


@require_POST
@member(Permission.USE_PLAYGROUND)
def delete(request: HttpRequest, desk: Desk, public_id: str) -> HttpResponseBase:
    """Gone, until it is brought back."""
    presets.delete(_changeable(desk, public_id), desk.actor(request))
    return JsonResponse({"deleted": public_id})


@require_POST
@member(Permission.USE_PLAYGROUND)
def restore(request: HttpRequest, desk: Desk, public_id: str) -> HttpResponseBase:
    """Undo the deletion."""
    preset = _changeable(desk, public_id, deleted=True)

    def bring_back() -> Preset:
        presets.restore(preset, desk.actor(request))
        return preset

    return _answer(desk, bring_back)


def _project(desk: Desk, public_id: str) -> Project:
    project = next((one for one in payers(desk) if one.public_id == public_id), None)
    if project is None:
        raise Http404("There is no such project.")
    return project


def _changeable(desk: Desk, public_id: str, *, deleted: bool = False) -> Preset:
    """404 unless this person may see and change it."""
    found = Preset.objects.filter(organization=desk.organization, public_id=public_id, deleted_at__isnull=not deleted)
    preset = found.select_related("organization", "project", "created_by").first()
    if preset is None or not presets.may_change(desk.membership, preset):
        raise Http404("There is no such preset.")
    if preset.project_id and preset.project_id not in {project.pk for project in desk.projects()}:
        raise Http404("There is no such preset.")
    return preset


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise ValidationError(_("This is no preset. Reload the page.")) from error
    if not isinstance(body, dict):
        raise ValidationError(_("This is no preset. Reload the page."))
    return body


def _content(body: dict[str, Any]) -> Content:
    return Content(
        name=" ".join(str(body.get("name", "")).split()),
        description=str(body.get("description", "")).strip(),
        model=str(body.get("model", "")),
        parameters=body.get("parameters", {}),
        messages=body.get("messages", []),
    )


def _version(body: dict[str, Any]) -> int:
    version = body.get("version")
    return version if isinstance(version, int) else 0


def _create(request: HttpRequest, desk: Desk, project: Project) -> Preset:
    body = _body(request)
    seen_by = project if body.get("scope") == "project" else None
    return presets.create(desk.organization, _content(body), desk.actor(request), project=seen_by)


def _answer(desk: Desk, work: Callable[[], Preset], status: int = 200) -> JsonResponse:
    """The preset as it is now; what is wrong by field; or 409 with who was first."""
    try:
        preset = work()
    except ValidationError as error:
        return JsonResponse({"errors": _by_field(error)}, status=400)
    except presets.Conflict as conflict:
        return JsonResponse({"now": as_json(desk, conflict.preset)}, status=409)
    return JsonResponse({"preset": as_json(desk, preset)}, status=status)


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    return error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
