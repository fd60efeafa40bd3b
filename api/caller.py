"""Who calls the API: a key, or a person in an organization; both answer the same questions."""

from dataclasses import dataclass

from accounts import reach
from accounts.actor import Actor
from accounts.idempotency import Credential
from accounts.models import ApiKey, Membership, Organization, Project
from accounts.principal import Principal
from accounts.roles import PERMISSIONS, Permission, Role, Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """`principal` and `api_key` of a key, or `membership` of a person; never both."""

    organization: Organization
    actor: Actor
    credential: Credential
    address: str
    principal: Principal | None = None
    api_key: ApiKey | None = None
    membership: Membership | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role allows; a key that manages is as much as an admin without the playground."""
        if self.membership:
            return PERMISSIONS.get(self.membership.role, frozenset())
        if self._manages:
            return PERMISSIONS[Role.ADMIN] - {Permission.USE_PLAYGROUND}
        own = frozenset({Permission.SEE_OWN_USAGE, Permission.SEE_MONEY})
        return own | {Permission.REPORT_USAGE} if self.principal and Scope.INGEST in self.principal.scopes else own

    @property
    def _manages(self) -> bool:
        return self.principal is not None and Scope.MANAGEMENT in self.principal.scopes

    def may(self, permission: Permission) -> bool:
        """Whether the caller has the permission."""
        return permission in self.permissions

    def projects(self) -> list[Project]:
        """The projects that the caller works in; a key that only reads usage sees its own project's."""
        if self.membership:
            return reach.projects(self.membership)
        every = list(self.organization.projects.all())
        if self._manages:
            return every
        return [project for project in every if self.principal and project.pk == self.principal.project_id]

    def may_manage(self, api_key: ApiKey) -> bool:
        """Whether the caller may change this key."""
        if self.membership:
            return reach.may_manage(self.membership, api_key)
        return self._manages and api_key.organization_id == self.organization.pk

    def may_give(self, scopes: list[str]) -> bool:
        """Whether the caller may make a key with these scopes."""
        return reach.may_give(self.membership, scopes) if self.membership else self._manages
