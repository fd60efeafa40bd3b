"""Which projects and keys a member reaches, given the role; the console and the API ask the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import ApiKey, Membership, Organization, Project
from accounts.roles import Permission, Scope, allows

# What a key with that scope can do beyond what its owner's own keys do.
_MORE_THAN_OWN = {Scope.MANAGEMENT: Permission.MANAGE_KEYS, Scope.INGEST: Permission.REPORT_USAGE}


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody may see; `projects` are all that count, with `every` the organization has no others."""

    organization: Organization
    projects: Sequence[Project]
    every: bool
    sees_money: bool

    def keys(self) -> Any:
        """Keys of these projects, revoked ones and the playground's included."""
        return ApiKey.objects.filter(organization=self.organization, project__in=[one.pk for one in self.projects])

    def project_ids(self) -> tuple[int, ...] | None:
        """The projects to which figures must be narrowed; None: to none."""
        return None if self.every else tuple(one.pk for one in self.projects)


def projects(membership: Membership) -> list[Project]:
    """The projects in which the member works and whose usage the member may see, archived ones included.

    A developer reaches the projects that they were added to and those in which they own a key, and no other.
    """
    every = list(membership.organization.projects.all())
    if allows(membership.role, Permission.SEE_USAGE):
        return every
    if not allows(membership.role, Permission.SEE_OWN_USAGE):
        return []
    added = set(membership.user.project_memberships.values_list("project_id", flat=True))
    own = set(membership.user.api_keys.filter(revoked_at=None).values_list("project_id", flat=True))
    return [project for project in every if project.pk in added | own]


def may_manage(membership: Membership, api_key: ApiKey) -> bool:
    """Every key; or one's own and the project's, unless its secret would be more than the role."""
    if api_key.organization_id != membership.organization_id:
        return False
    if allows(membership.role, Permission.MANAGE_KEYS):
        return True
    return may_give(membership, api_key.scopes) and api_key.owner_id in (None, membership.user_id)


def may_give(membership: Membership, scopes: list[str] | tuple[str, ...]) -> bool:
    """Whether the member may make a key with these scopes.

    A key that manages is as much as an admin; one that reports usage can charge every key of its project, and void.
    """
    role = membership.role
    if not allows(role, Permission.MANAGE_OWN_KEYS):
        return False
    return all(allows(role, needs) for scope, needs in _MORE_THAN_OWN.items() if scope in scopes)
