"""Whose usage is it? The key that an event names, else its project's key for imported usage, else who reports."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from accounts import keys
from accounts.actor import SYSTEM, Actor
from accounts.models import ApiKey, Organization, Project
from billing.ingestion.event import Rejected, Reported


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: `sent_by` when a key does. Usage that names nobody is that key's, else its project's: `project`.

    `project_ids` are those that may be spoken of; None: all of the organization.
    """

    project: Project
    actor: Actor = SYSTEM
    sent_by: ApiKey | None = None
    project_ids: frozenset[int] | None = None


class Owner(NamedTuple):
    """Project and key of a usage event."""

    project_id: int
    key_id: int


class Attribution:
    """The owners of some events, looked up together."""

    def __init__(self, organization: Organization, reporter: Reporter, events: Iterable[Reported]) -> None:
        self._reporter = reporter
        named = [event.data for event in events]
        self._keys = _keys(organization, {data["key_id"] for data in named if "key_id" in data})
        self._projects = _projects(organization, {data["project_id"] for data in named if "project_id" in data})
        self._imported: dict[str, Owner] = {}

    def owner(self, event: Reported) -> Owner:
        """Project and key of the event; raises Rejected."""
        key_id, project_id = event.data.get("key_id"), event.data.get("project_id")
        project = self._project(project_id)
        if key_id is None:
            return self._unnamed(project)
        owner = self._keys.get(key_id)
        if owner is None or not self._is_within(owner.project_id):
            raise Rejected("key_not_found", f"There is no key {key_id}.", "data.key_id")
        if project is not None and owner.project_id != project.pk:
            raise Rejected("key_not_found", f"The key {key_id} is not in the project {project_id}.", "data.key_id")
        return owner

    def _unnamed(self, project: Project | None) -> Owner:
        """The reporter's own key, unless the event names a project; then the project's key for imported usage."""
        own = self._reporter.sent_by
        if own is not None and project is None:
            return Owner(own.project_id, own.pk)
        return self._imported_of(project or self._reporter.project)

    def _project(self, project_id: str | None) -> Project | None:
        if project_id is None:
            return None
        project = self._projects.get(project_id)
        if project is None or not self._is_within(project.pk):
            raise Rejected("project_not_found", f"There is no project {project_id}.", "data.project_id")
        return project

    def _is_within(self, project_id: int) -> bool:
        return self._reporter.project_ids is None or project_id in self._reporter.project_ids

    def _imported_of(self, project: Project) -> Owner:
        if project.public_id not in self._imported:
            self._imported[project.public_id] = Owner(project.pk, keys.imported_key(project).pk)
        return self._imported[project.public_id]


def _keys(organization: Organization, named: Collection[str]) -> dict[str, Owner]:
    if not named:
        return {}
    rows = ApiKey.objects.filter(organization=organization, public_id__in=named)
    return {name: Owner(project_id, pk) for name, project_id, pk in rows.values_list("public_id", "project_id", "pk")}


def _projects(organization: Organization, named: Collection[str]) -> dict[str, Project]:
    if not named:
        return {}
    return {one.public_id: one for one in Project.objects.filter(organization=organization, public_id__in=named)}
