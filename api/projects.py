"""/api/v1/projects: list, create, rename, archive, restore, delete, and who works in them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import projects
from accounts.idempotency import Answer
from accounts.models import Project, ProjectMembership, User
from accounts.roles import Permission, Scope
from api import faults, numbered
from api.door import Door
from api.envelopes import RemovedOut
from api.instant import instant
from api.key_serializers import Nothing
from api.once import ONCE
from api.organization_serializers import (
    DeveloperAdd,
    DeveloperListOut,
    DeveloperOut,
    EndedOut,
    ProjectListOut,
    ProjectName,
    ProjectOut,
    ProjectQuery,
    shown_project,
)
from api.paging import PageQuery, page
from api.schema import ERRORS
from billing import limits

_SEES = (Permission.SEE_USAGE, Permission.SEE_OWN_USAGE)
_MANAGES = (Permission.MANAGE_PROJECTS,)


class _ProjectDoor(Door):
    def project(self, project_id: str) -> Project:
        """A project within reach that was not deleted; else 404."""
        found = next((one for one in self._live() if one.public_id == project_id), None)
        if found is None:
            raise faults.not_found("project")
        return found

    def _live(self) -> list[Project]:
        return [one for one in self.caller.projects() if one.deleted_at is None]

    def change(self, request: Request, work: Any) -> Response:
        """Do it once, and answer with the project as it is then."""

        def answer() -> Answer:
            return Answer(200, shown_project(work()))

        return self.once(request, answer)


class Projects(_ProjectDoor):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES, "POST": _MANAGES}

    @extend_schema(operation_id="projects_list", parameters=[ProjectQuery], responses={200: ProjectListOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """The projects that the caller reaches, newest first; deleted ones are not among them."""
        query = ProjectQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        reached = Project.objects.filter(pk__in=[one.pk for one in self.caller.projects()])
        rows = reached.filter(deleted_at=None)
        if "status" in asked:
            rows = rows.filter(archived_at__isnull=asked["status"] == "active")
        found, around = page(rows, asked["limit"], asked.get("cursor"), among=reached)
        return Response({"object": "list", "data": [shown_project(one) for one in found], **around})

    @extend_schema(
        operation_id="projects_create", parameters=ONCE, request=ProjectName, responses={201: ProjectOut, **ERRORS}
    )
    def post(self, request: Request) -> Response:
        """Create a project."""
        body = ProjectName(data=request.data)
        body.is_valid(raise_exception=True)

        def work() -> Answer:
            made = projects.create(self.caller.organization, body.validated_data["name"], self.caller.actor)
            return Answer(201, shown_project(made))

        return self.once(request, work)


class OneProject(_ProjectDoor):
    key_scopes = (Scope.MANAGEMENT, Scope.USAGE)
    needs = {"GET": _SEES, "PATCH": _MANAGES, "DELETE": _MANAGES}

    @extend_schema(operation_id="projects_get", responses={200: ProjectOut, **ERRORS})
    def get(self, request: Request, project_id: str) -> Response:
        """One project."""
        return Response(shown_project(self.project(project_id)))

    @extend_schema(operation_id="projects_rename", request=ProjectName, responses={200: ProjectOut, **ERRORS})
    def patch(self, request: Request, project_id: str) -> Response:
        """Give it another name."""
        self.project(project_id)
        body = ProjectName(data=request.data)
        body.is_valid(raise_exception=True)
        with self.edit(request, lambda: self.project(project_id), shown_project) as found:
            renamed = projects.rename(found, body.validated_data["name"], self.caller.actor)
        return Response(shown_project(renamed))

    @extend_schema(operation_id="projects_delete", responses={200: RemovedOut, **ERRORS})
    def delete(self, request: Request, project_id: str) -> Response:
        """End an archived project for good: its keys are revoked; usage and costs stay."""
        with self.edit(request, lambda: self.project(project_id), shown_project) as found:
            limits.delete_project(found, self.caller.actor)
        return Response({"object": "project", "id": project_id, "deleted": True})


class Archive(_ProjectDoor):
    needs = {"POST": _MANAGES}

    @extend_schema(
        operation_id="projects_archive", parameters=ONCE, request=Nothing, responses={200: ProjectOut, **ERRORS}
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Refuse its keys from the next request on, until it is restored."""
        found = self.project(project_id)
        return self.change(request, lambda: projects.archive(found, self.caller.actor))


class Restore(_ProjectDoor):
    needs = {"POST": _MANAGES}

    @extend_schema(
        operation_id="projects_restore", parameters=ONCE, request=Nothing, responses={200: ProjectOut, **ERRORS}
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Let its keys work again, as they did before."""
        found = self.project(project_id)
        return self.change(request, lambda: projects.restore(found, self.caller.actor))


class Developers(_ProjectDoor):
    needs = {"GET": _MANAGES, "POST": _MANAGES}

    @extend_schema(
        operation_id="project_members_list", parameters=[PageQuery], responses={200: DeveloperListOut, **ERRORS}
    )
    def get(self, request: Request, project_id: str) -> Response:
        """Who was added to the project; roles that see every project are not listed."""
        found = self.project(project_id)
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = ProjectMembership.objects.filter(project=found).select_related("project", "user")
        asked = query.validated_data
        shown, around = numbered.page(rows, asked["limit"], asked.get("cursor"), "worker")
        return Response({"object": "list", "data": [_shown(one) for one in shown], **around})

    @extend_schema(
        operation_id="project_members_add",
        parameters=ONCE,
        request=DeveloperAdd,
        responses={201: DeveloperOut, **ERRORS},
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Let a member of the organization work in the project; doing it twice changes nothing."""
        found = self.project(project_id)
        body = DeveloperAdd(data=request.data)
        body.is_valid(raise_exception=True)
        user_id = body.validated_data["user_id"]
        user = User.objects.filter(memberships__organization=self.caller.organization, public_id=user_id).first()
        if user is None:
            raise faults.not_found("member", "user_id")

        def work() -> Answer:
            projects.add_member(found, user, self.caller.actor)
            row = ProjectMembership.objects.select_related("project", "user").get(project=found, user=user)
            return Answer(201, _shown(row))

        return self.once(request, work)


class Developer(_ProjectDoor):
    needs = {"DELETE": _MANAGES}

    @extend_schema(operation_id="project_members_remove", responses={200: EndedOut, **ERRORS})
    def delete(self, request: Request, project_id: str, user_id: str) -> Response:
        """End somebody's work in the project; their own keys in it are revoked."""
        found = self.project(project_id)

        def worker() -> ProjectMembership:
            rows = ProjectMembership.objects.filter(project=found, user__public_id=user_id)
            row = rows.select_related("project", "user").first()
            if row is None:
                raise faults.not_found("member")
            return row

        with self.edit(request, worker, _shown) as row:
            stopped = projects.remove_member(found, row.user, self.caller.actor)
        return Response({"object": "project_member", "id": user_id, "deleted": True, "keys_revoked": stopped})


def _shown(row: ProjectMembership) -> dict[str, Any]:
    return {
        "object": "project_member",
        "project_id": row.project.public_id,
        "user_id": row.user.public_id,
        "email": row.user.email,
        "name": row.user.name,
        "since": instant(row.created_at),
    }
