"""Projects: list, create, look, rename, archive, and who works in them."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import projects
from accounts.actor import Actor
from accounts.models import ApiKey, Project, User
from accounts.roles import Permission
from billing import limits
from dashboard import edits, key_rows, limits_held, project_rows, thirty_days
from dashboard.access import Desk, member
from dashboard.form_errors import add_errors
from dashboard.project_forms import AddMemberForm, CreateProjectForm, RenameProjectForm
from dashboard.usage_filters import Scope as Reached

_KEYS_SHOWN = 10


def _find(desk: Desk, public_id: str) -> Project:
    """A project that the person reaches; anything else does not exist, nor does a deleted one."""
    found = next((one for one in desk.projects() if one.public_id == public_id and not one.deleted_at), None)
    if found is None:
        raise Http404
    return found


@require_safe
@member(Permission.SEE_OWN_USAGE)
def listing(request: HttpRequest, desk: Desk) -> HttpResponse:
    """All projects that the person reaches."""
    form = CreateProjectForm(limits_money=desk.may(Permission.MANAGE_MONEY))
    context = {"rows": project_rows.rows(desk), "form": form}
    return render(request, "dashboard/projects.html", context)


@member(Permission.MANAGE_PROJECTS)
def create(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A new project; sent twice, the name is taken."""
    form = CreateProjectForm(request.POST or None, limits_money=desk.may(Permission.MANAGE_MONEY))
    if request.method == "POST" and form.is_valid():
        try:
            made = _create(desk, desk.actor(request), form)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("%(name)s is ready. Create a key in it to use it.") % {"name": made.name})
            return redirect("dashboard:project", made.public_id)
    return render(request, "dashboard/project_create.html", {"form": form}, status=422 if form.errors else 200)


def _create(desk: Desk, by: Actor, form: CreateProjectForm) -> Project:
    """The project and its limit, both or neither."""
    with transaction.atomic():
        made = projects.create(desk.organization, form.cleaned_data["name"], by)
        if terms := form.cleaned_data["terms"]:
            limits.set_limit(made, terms, by)
        return made


# ---------------------------------------------------------------- one project


@require_safe
@member(Permission.SEE_OWN_USAGE)
def detail(request: HttpRequest, desk: Desk, project: str) -> HttpResponse:
    """Usage, keys, people, settings and history of a project."""
    return _detail(request, desk, _find(desk, project))


def _detail(
    request: HttpRequest,
    desk: Desk,
    project: Project,
    *,
    form: RenameProjectForm | None = None,
    add_form: AddMemberForm | None = None,
) -> HttpResponse:
    manages = desk.may(Permission.MANAGE_PROJECTS)
    failed = form or add_form
    now = timezone.now()
    scope = Reached(desk.organization, desk.projects(), desk.may(Permission.SEE_USAGE), desk.sees_money)
    chart, chart_label = thirty_days.of_project(scope, project, now)
    context: dict[str, Any] = {
        "project": project,
        "chart": chart,
        "chart_label": chart_label,
        "usage_url": f"{reverse('dashboard:usage')}?project={project.public_id}",
        "limits": [] if project.archived_at else limits_held.of_project(scope, project, now),
        "sums": project_rows.month(desk, project),
        "workers": project_rows.workers(project),
        "history": project_rows.history(project),
        "live_keys": project.api_keys.visible().not_revoked().count(),
        "manages": manages,
        "failed": failed,
    }
    if desk.may(Permission.SEE_KEYS):
        shown = ApiKey.objects.visible().not_revoked().filter(project=project)
        shown = shown.select_related("project", "organization", "owner", "created_by").prefetch_related("secrets")
        context["keys"] = key_rows.rows(desk, list(shown[:_KEYS_SHOWN]))
    if manages:
        context["form"] = form or RenameProjectForm(project=project)
        context["add_form"] = add_form or AddMemberForm(people=project_rows.addable(project))
    return render(request, "dashboard/project.html", context, status=422 if failed else 200)


@require_POST
@member(Permission.MANAGE_PROJECTS)
def rename(request: HttpRequest, desk: Desk, project: str) -> HttpResponse:
    """Another name."""
    with edits.alone(request, desk, lambda: _find(desk, project)) as found:
        form = RenameProjectForm(request.POST, project=found)
        if form.is_valid():
            try:
                projects.rename(found, form.cleaned_data["name"], desk.actor(request))
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("Changes saved."))
                return redirect("dashboard:project", project)
    return _detail(request, desk, found, form=form)


@require_POST
@member(Permission.MANAGE_PROJECTS)
def archive(request: HttpRequest, desk: Desk, project: str) -> HttpResponse:
    """Stop the project's keys until it is restored; the page then offers to undo it."""
    found = projects.archive(_find(desk, project), desk.actor(request))
    messages.success(
        request,
        _("%(name)s is archived. Requests with its keys fail with 401 from now on.") % {"name": found.name},
    )
    return redirect("dashboard:project", project)


@require_POST
@member(Permission.MANAGE_PROJECTS)
def restore(request: HttpRequest, desk: Desk, project: str) -> HttpResponse:
    """Let the project's keys work again."""
    found = projects.restore(_find(desk, project), desk.actor(request))
    messages.success(request, _("%(name)s is back; its keys work again.") % {"name": found.name})
    return redirect("dashboard:project", project)


@member(Permission.MANAGE_PROJECTS)
def delete(request: HttpRequest, desk: Desk, project: str) -> HttpResponse:
    """Say what goes and what stays, ask for the name, and end an archived project for good."""
    found = _find(desk, project)
    if not found.archived_at:
        messages.error(request, _("Archive %(name)s first: then its keys stop.") % {"name": found.name})
        return redirect("dashboard:project", project)
    wrong = request.method == "POST" and request.POST.get("name", "").strip() != found.name
    if request.method == "POST" and not wrong:
        limits.delete_project(found, desk.actor(request))
        messages.success(request, _("%(name)s is deleted. Its usage stays in Usage.") % {"name": found.name})
        return redirect("dashboard:projects")
    context = {
        "project": found,
        "wrong": wrong,
        "live_keys": found.api_keys.visible().not_revoked().count(),
        "sums": project_rows.month(desk, found),
    }
    return render(request, "dashboard/project_delete.html", context, status=422 if wrong else 200)


# ---------------------------------------------------------------- people in it


@require_POST
@member(Permission.MANAGE_PROJECTS)
def add_member(request: HttpRequest, desk: Desk, project: str) -> HttpResponse:
    """Let a developer work in the project."""
    found = _find(desk, project)
    form = AddMemberForm(request.POST, people=project_rows.addable(found))
    if form.is_valid():
        user = form.people[form.cleaned_data["member"]]
        try:
            projects.add_member(found, user, desk.actor(request))
        except ValidationError as error:
            add_errors(form, error)
        else:
            said = _("%(person)s works in %(name)s now.") % {"person": user.get_full_name(), "name": found.name}
            messages.success(request, said)
            return redirect("dashboard:project", project)
    return _detail(request, desk, found, add_form=form)


@member(Permission.MANAGE_PROJECTS)
def remove_member(request: HttpRequest, desk: Desk, project: str, user: str) -> HttpResponse:
    """Say what stops, then end somebody's work in the project."""
    found = _find(desk, project)
    person = User.objects.filter(project_memberships__project=found, public_id=user).first()
    if person is None:
        raise Http404
    if request.method == "POST":
        projects.remove_member(found, person, desk.actor(request))
        said = _("%(person)s is no longer in %(name)s.") % {"person": person.get_full_name(), "name": found.name}
        messages.success(request, said)
        return redirect("dashboard:project", project)
    context = {"project": found, "person": person, "own_keys": len(projects.keys_of(found, person))}
    return render(request, "dashboard/project_member_remove.html", context)
