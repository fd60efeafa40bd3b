"""What one does with projects and the people in them. Every verb is one transaction and leaves an audit entry."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit, keys, names
from accounts.actor import Actor
from accounts.models import ApiKey, Organization, Project, ProjectMembership, User

MOST_PROJECTS = 200
MOST_CHARACTERS = 64


def _name(text: str) -> str:
    """The name on one line; raises ValidationError."""
    name = " ".join(text.split())
    if not (len(name) <= MOST_CHARACTERS and names.is_shown(name)):
        raise ValidationError(
            {
                "name": gettext("Give the project a name of 1 to %(most_characters)s characters that can be seen.")
                % {"most_characters": MOST_CHARACTERS}
            }
        )
    return name


def _name_taken(name: str) -> ValidationError:
    message = gettext("There is already a project named “%(name)s”. Choose another name.") % {"name": name}
    return ValidationError({"name": ValidationError(message, code="name_taken")})


def _locked(project: Project) -> Project:
    """The row as it is now; a writer that comes second waits on PostgreSQL and has the lock already on SQLite."""
    return Project.objects.select_for_update(of=("self",)).select_related("organization").get(pk=project.pk)


def create(organization: Organization, name: str, by: Actor) -> Project:
    """A new project; raises ValidationError when the name is taken or wrong, or there are too many."""
    name = _name(name)
    if organization.projects.filter(deleted_at=None).count() >= MOST_PROJECTS:
        raise ValidationError(
            gettext("An organization has at most %(most_projects)s projects.") % {"most_projects": MOST_PROJECTS},
            code="too_many_projects",
        )
    try:
        with transaction.atomic():
            project = Project.objects.create(organization=organization, name=name)
            audit.record("project.created", project, by)
            return project
    except IntegrityError as error:
        raise _name_taken(name) from error


def rename(project: Project, name: str, by: Actor) -> Project:
    """Another name; raises ValidationError when it is empty, too long or taken."""
    name = _name(name)
    try:
        with transaction.atomic():
            project = _locked(project)
            old, project.name = project.name, name
            if old != name:
                project.save(update_fields=["name"])
                audit.record("project.renamed", project, by, changes={"name": [old, name]})
            return project
    except IntegrityError as error:
        raise _name_taken(name) from error


def archive(project: Project, by: Actor) -> Project:
    """Its keys are refused from the next request on, until it is restored; usage stays."""
    return _toggle(project, by, archived=True)


def restore(project: Project, by: Actor) -> Project:
    """End the archiving: its keys work again as they did."""
    return _toggle(project, by, archived=False)


def delete(project: Project, by: Actor) -> Project:
    """End an archived project for good: its keys are revoked, its name is free; usage stays, under its old name.

    Doing it twice changes nothing; raises ValidationError for a project that is not archived.
    """
    with transaction.atomic():
        project = _locked(project)
        if project.deleted_at is not None:
            return project
        if project.archived_at is None:
            raise ValidationError(
                gettext("Archive the project first: then its keys stop."), code="project_not_archived"
            )
        stopped = list(project.api_keys.visible().not_revoked())
        for api_key in stopped:
            keys.revoke(api_key, by)
        ProjectMembership.objects.filter(project=project).delete()
        project.presets.all().delete()
        project.deleted_at = timezone.now()
        project.save(update_fields=["deleted_at"])
        audit.record("project.deleted", project, by, changes={"keys_revoked": len(stopped)})
        return project


def _toggle(project: Project, by: Actor, *, archived: bool) -> Project:
    with transaction.atomic():
        project = _locked(project)
        if project.deleted_at is not None:
            raise ValidationError(gettext("The project was deleted, which cannot be undone."), code="project_deleted")
        if (project.archived_at is not None) != archived:
            project.archived_at = timezone.now() if archived else None
            project.save(update_fields=["archived_at"])
            audit.record("project.archived" if archived else "project.restored", project, by)
        return project


def add_member(project: Project, user: User, by: Actor) -> None:
    """Let a member of the organization work in the project; doing it twice changes nothing."""
    with transaction.atomic():
        project = _locked(project)
        if not project.organization.memberships.filter(user=user).exists():
            raise ValidationError(
                gettext("Only members of the organization can be added to a project."), code="not_a_member"
            )
        _, added = ProjectMembership.objects.get_or_create(project=project, user=user)
        if added:
            audit.record("project.member_added", project, by, changes={"member": user.email})


def keys_of(project: Project, user: User) -> list[ApiKey]:
    """The person's own keys in the project, which stop when the person leaves it."""
    return list(project.api_keys.visible().not_revoked().filter(owner=user))


def remove_member(project: Project, user: User, by: Actor) -> int:
    """End somebody's work in the project and revoke their own keys in it; how many keys that were."""
    with transaction.atomic():
        project = _locked(project)
        gone, _ = ProjectMembership.objects.filter(project=project, user=user).delete()
        stopped = keys_of(project, user)
        for api_key in stopped:
            keys.revoke(api_key, by)
        if gone or stopped:
            changes = {"member": user.email, "keys_revoked": len(stopped)}
            audit.record("project.member_removed", project, by, changes=changes)
        return len(stopped)
