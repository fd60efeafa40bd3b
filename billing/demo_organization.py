"""The people, projects and keys of the demo organization."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.keys import hash_of, playground_key
from accounts.models import (
    ApiKey,
    ApiKeySecret,
    AuditEntry,
    Membership,
    Organization,
    Project,
    ProjectMembership,
    User,
)
from accounts.roles import Role, Scope
from billing import opening
from catalog.models import Plan
from foundation.secrets import new_secret

NAME = "Northwind"
ZONE = "Europe/Berlin"
OWNER = "ana@northwind.example"
DEFAULT_PROJECT, *OTHER_PROJECTS = "Storefront", "Search", "Sandbox"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo organization, and the projects that they were added to."""

    name: str
    email: str
    role: Role
    projects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """A key of the demo organization; ages in days."""

    name: str
    project: str
    owner: str = ""
    age: int = 88
    scopes: tuple[str, ...] = (Scope.CHAT,)
    models: tuple[str, ...] | None = None
    rpm: int | None = None
    revoked: int | None = None
    expires_in: int | None = None


PEOPLE = (
    Person("Ana Ruiz", OWNER, Role.OWNER),
    Person("Mei Tanaka", "mei@northwind.example", Role.ADMIN),
    Person("Tom Becker", "tom@northwind.example", Role.DEVELOPER, ("Search", "Sandbox")),
    Person("Priya Nair", "priya@northwind.example", Role.DEVELOPER, ("Storefront",)),
    Person("Jonas Weber", "jonas@northwind.example", Role.BILLING),
    Person("Lena Fischer", "lena@northwind.example", Role.VIEWER),
)
CREDENTIALS = (
    Credential("production-web", "Storefront", rpm=60),
    Credential("checkout-assistant", "Storefront", age=61),
    Credential("catalog-enricher", "Search", models=("deepseek-chat", "deepseek-coder")),
    Credential("search-reranker", "Search", age=73),
    Credential("old-agent", "Search", owner="mei@northwind.example", revoked=38),
    Credential("ci-smoke-tests", "Sandbox", owner="tom@northwind.example", rpm=20),
    Credential("notebook-mei", "Sandbox", owner="mei@northwind.example", age=47, expires_in=9),
    Credential("grafana", "Sandbox", age=40, scopes=(Scope.USAGE,)),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """The organization as made; keys by name, playground keys by `Playground <project>`."""

    organization: Organization
    people: dict[str, User]
    keys: dict[str, ApiKey]


def exists() -> bool:
    """Whether the demo organization was made before."""
    return User.objects.filter(email=OWNER).exists()


def set_password(password: str) -> None:
    """The one password of all demo people."""
    User.objects.filter(email__in=[person.email for person in PEOPLE]).update(password=make_password(password))


def found(password: str, now: datetime, age: timedelta) -> Demo:
    """The organization with its people, projects and keys, as if founded `age` ago; call it in a transaction."""
    since = now - age
    people = {person.email: _person(person, password, since) for person in PEOPLE}
    organization = opening.open_organization(people[OWNER], NAME, plan=Plan.objects.get(code="pro"))
    organization.created_at = organization.confirmed_at = since
    organization.save()
    projects = _projects(organization, since)
    for person in PEOPLE:
        if person.email != OWNER:
            Membership.objects.create(
                organization=organization, user=people[person.email], role=person.role, created_at=since
            )
        for name in person.projects:
            ProjectMembership.objects.create(project=projects[name], user=people[person.email], created_at=since)
    keys = {one.name: _key(one, projects[one.project], people, now) for one in CREDENTIALS}
    for name, project in projects.items():
        keys[f"Playground {name}"] = playground_key(project)
    ApiKey.objects.filter(is_playground=True, organization=organization).update(created_at=since)
    return Demo(organization, people, keys)


def _person(person: Person, password: str, since: datetime) -> User:
    user = User.objects.create_user(person.email, password, name=person.name, time_zone=ZONE, date_joined=since)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _projects(organization: Organization, since: datetime) -> dict[str, Project]:
    organization.projects.update(name=DEFAULT_PROJECT, created_at=since)
    for name in OTHER_PROJECTS:
        Project.objects.create(organization=organization, name=name, created_at=since)
    return {project.name: project for project in organization.projects.all()}


def _key(credential: Credential, project: Project, people: dict[str, User], now: datetime) -> ApiKey:
    """Nobody is told the secret: whoever wants to use the key regenerates it."""
    created = now - timedelta(days=credential.age)
    owner = people.get(credential.owner)
    key = ApiKey.objects.create(
        organization=project.organization,
        project=project,
        owner=owner,
        created_by=owner or people[OWNER],
        name=credential.name,
        scopes=list(credential.scopes),
        allowed_models=None if credential.models is None else list(credential.models),
        requests_per_minute=credential.rpm,
        created_at=created,
        expires_at=None if credential.expires_in is None else now + timedelta(days=credential.expires_in),
        revoked_at=None if credential.revoked is None else now - timedelta(days=credential.revoked),
    )
    secret = new_secret()
    ApiKeySecret.objects.create(api_key=key, fingerprint=hash_of(secret), last_four=secret[-4:], created_at=created)
    _trace("key.created", key, created)
    if key.revoked_at:
        _trace("key.revoked", key, key.revoked_at)
    return key


def _trace(action: str, key: ApiKey, at: datetime) -> None:
    AuditEntry.objects.create(
        organization=key.organization,
        actor=key.created_by,
        action=action,
        object_type="ApiKey",
        object_id=key.public_id,
        object_name=key.name,
        at=at,
    )
