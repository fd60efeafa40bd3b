"""What one does with organizations."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actor import SYSTEM, Actor
from accounts.models import Membership, Organization, Project, User
from accounts.roles import Role

DEFAULT_PROJECT = "Default"


def found(user: User, name: str) -> Organization:
    """A new organization that the user owns, with its default project. Billing's `open_organization` adds the plan."""
    with transaction.atomic():
        organization = Organization.objects.create(name=name, time_zone=user.time_zone or "UTC")
        Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
        Project.objects.create(organization=organization, name=DEFAULT_PROJECT)
        audit.record("organization.created", organization, Actor(user), organization=organization)
        return organization


def mark_confirmed(user: User) -> None:
    """The user confirmed an e-mail address: keys and credit of the organizations that the user owns stop waiting."""
    waiting = Organization.objects.filter(
        confirmed_at=None, memberships__user=user, memberships__role=Role.OWNER
    ).values_list("pk", flat=True)
    with transaction.atomic():
        Organization.objects.filter(pk__in=list(waiting)).update(confirmed_at=timezone.now())


def suspend(organization: Organization, reason: str, by: Actor) -> None:
    """Keys stop on the next request; members can still log in."""
    with transaction.atomic():
        if Organization.objects.filter(pk=organization.pk, suspended_at=None).update(
            suspended_at=timezone.now(), suspended_reason=reason[:200]
        ):
            audit.record(
                "organization.suspended", organization, by, organization=organization, changes={"reason": reason}
            )


def restore(organization: Organization, by: Actor = SYSTEM) -> None:
    """End a suspension."""
    with transaction.atomic():
        if (
            Organization.objects.filter(pk=organization.pk)
            .exclude(suspended_at=None)
            .update(suspended_at=None, suspended_reason="")
        ):
            audit.record("organization.restored", organization, by, organization=organization)
