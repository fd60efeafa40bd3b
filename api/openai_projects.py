"""/v1/organization/projects in OpenAI's shapes."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import projects
from accounts.idempotency import Answer
from accounts.models import Project
from api.caller import Caller
from api.openai_door import AfterQuery, OpenAIDoor, asked_of, found, seconds
from api.strict import Strict


class ProjectsQuery(AfterQuery):
    # In a query it is a text.
    include_archived = serializers.ChoiceField(["true", "false"], default="false")


class ProjectIn(Strict):
    name = serializers.CharField(max_length=64)


class Nothing(Strict):
    """No members."""


def _live(caller: Caller) -> Any:
    return Project.objects.filter(organization=caller.organization, deleted_at=None)


def project_of(caller: Caller, project_id: str) -> Project:
    """The organization's project; else 404."""
    project: Project = found(_live(caller), "project", public_id=project_id)
    return project


@extend_schema(exclude=True)
class OpenAIProjects(OpenAIDoor):
    def get(self, request: Request) -> Response:
        """Projects, archived ones only when asked for."""
        asked = asked_of(ProjectsQuery, request)
        rows = _live(self.caller)
        if asked["include_archived"] == "false":
            rows = rows.filter(archived_at=None)
        ever = Project.objects.filter(organization=self.caller.organization)
        return self.listed(rows, asked, lambda page: [_shown(one) for one in page], among=ever)

    def post(self, request: Request) -> Response:
        """A new one."""
        name = asked_of(ProjectIn, request)["name"]

        def work() -> Answer:
            return Answer(200, _shown(projects.create(self.caller.organization, name, self.caller.actor)))

        return self.once(request, work)


@extend_schema(exclude=True)
class OpenAIProject(OpenAIDoor):
    def get(self, request: Request, project_id: str) -> Response:
        """One of them."""
        return Response(_shown(project_of(self.caller, project_id)))

    def post(self, request: Request, project_id: str) -> Response:
        """Another name."""
        project = project_of(self.caller, project_id)
        name = asked_of(ProjectIn, request)["name"]
        return self.once(request, lambda: Answer(200, _shown(projects.rename(project, name, self.caller.actor))))


@extend_schema(exclude=True)
class OpenAIArchive(OpenAIDoor):
    def post(self, request: Request, project_id: str) -> Response:
        """Refuse its keys from now on."""
        project = project_of(self.caller, project_id)
        asked_of(Nothing, request)
        return self.once(request, lambda: Answer(200, _shown(projects.archive(project, self.caller.actor))))


def _shown(project: Project) -> dict[str, Any]:
    return {
        "object": "organization.project",
        "id": project.public_id,
        "name": project.name,
        "created_at": seconds(project.created_at),
        "archived_at": seconds(project.archived_at),
        "status": "archived" if project.archived_at else "active",
    }
