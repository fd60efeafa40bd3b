"""Alice owns an organization, Bob is in her team, Charlie must see nothing."""

from dataclasses import dataclass

from django.utils import timezone

from accounts import keys
from accounts.actor import Actor
from accounts.keys import Restrictions
from accounts.models import ApiKey, Membership, Organization, Project, ProjectMembership, User
from accounts.roles import Role
from billing import opening
from billing.models import Subscription
from catalog.models import Plan

PASSWORD = "correct horse battery"


@dataclass
class House:
    """An organization with its owner and default project."""

    owner: User
    organization: Organization
    project: Project

    @property
    def actor(self) -> Actor:
        return Actor(self.owner)

    def key(self, name: str = "key", **restrictions: object) -> tuple[ApiKey, str]:
        """A new key and its secret."""
        issued = keys.create(self.project, name, self.actor, restrictions=Restrictions(**restrictions))  # type: ignore[arg-type]
        return issued.api_key, issued.secret

    def member(self, name: str, role: Role, *, works_here: bool = True) -> User:
        """Another person in the organization; a developer works in its default project, unless said otherwise."""
        user = person(name)
        Membership.objects.create(organization=self.organization, user=user, role=role)
        if role == Role.DEVELOPER and works_here:
            ProjectMembership.objects.create(project=self.project, user=user)
        return user


def person(name: str) -> User:
    """Somebody with an account and no organization."""
    return User.objects.create_user(f"{name.lower()}@example.com", PASSWORD, name=name)


def house(name: str = "Alice", *, plan: str = "pro", rpm: int | None = None, confirmed: bool = True) -> House:
    """Somebody with an organization of their own on a seeded catalog."""
    opening.seed_if_empty()
    owner = person(name)
    organization = opening.open_organization(owner, f"{name}'s", plan=Plan.objects.get(code=plan))
    if confirmed:
        organization.confirmed_at = timezone.now()
        organization.save()
    if rpm:
        Subscription.objects.filter(organization=organization).update(requests_per_minute=rpm)
    return House(owner, organization, organization.projects.get())
