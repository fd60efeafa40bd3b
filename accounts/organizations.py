"""What one does with organizations."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit, names, time_zones
from accounts.actor import SYSTEM, Actor
from accounts.models import ApiKeySecret, Membership, Organization, Project, User
from accounts.roles import Role

DEFAULT_PROJECT = "Default"
MOST_CHARACTERS = 100
# The reason of a suspension that its owner asked for; an operator's own goes before it.
CLOSED = "Its owner closed it."


def wrong_name(name: str) -> str:
    """What is wrong with a name for an organization; empty when nothing is."""
    if len(name) <= MOST_CHARACTERS and names.is_shown(name):
        return ""
    said = gettext("Give the organization a name of 1 to %(most_characters)s characters that can be seen.")
    return said % {"most_characters": MOST_CHARACTERS}


def found(user: User, name: str) -> Organization:
    """A new organization that the user owns, with its default project. Billing's `open_organization` adds the plan.

    Raises ValidationError.
    """
    if wrong := wrong_name(name):
        raise ValidationError({"name": wrong})
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
        open_or_closed = Q(suspended_at=None) | Q(suspended_reason=CLOSED)
        found = Organization.objects.filter(open_or_closed, pk=organization.pk).exclude(suspended_reason=reason[:200])
        if found.update(suspended_at=timezone.now(), suspended_reason=reason[:200]):
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


def change(organization: Organization, by: Actor, *, name: str, time_zone: str) -> Organization:
    """Another name or zone; days, months and limits follow the zone from now on. Raises ValidationError."""
    name = " ".join(name.split())
    errors: dict[str, str] = {}
    if wrong := wrong_name(name):
        errors["name"] = wrong
    if time_zone not in time_zones.known():
        errors["time_zone"] = gettext("Choose a time zone of the list.")
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get(pk=organization.pk)
        before = {"name": organization.name, "time_zone": organization.time_zone}
        after = {"name": name, "time_zone": time_zone}
        changes = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
        if changes:
            organization.name, organization.time_zone = name, time_zone
            organization.save(update_fields=["name", "time_zone"])
            audit.record("organization.changed", organization, by, organization=organization, changes=changes)
        return organization


def let_keys_be_copied(organization: Organization, allowed: bool, by: Actor) -> int:
    """Keep new secrets encrypted as well, or stop it and erase those that are kept; how many were erased."""
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get(pk=organization.pk)
        erased = 0
        if not allowed:
            kept = ApiKeySecret.objects.filter(api_key__organization=organization).exclude(sealed="")
            erased = kept.update(sealed="")
        if organization.keys_can_be_revealed != allowed:
            organization.keys_can_be_revealed = allowed
            organization.save(update_fields=["keys_can_be_revealed"])
            action = "organization.copying_allowed" if allowed else "organization.copying_stopped"
            changes = {} if allowed else {"secrets_erased": erased}
            audit.record(action, organization, by, organization=organization, changes=changes)
        return erased
