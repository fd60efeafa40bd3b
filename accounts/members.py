"""What one does with members: roles, leaving, owners. Every verb is one transaction and leaves an audit entry.

Always has an organization an owner who can log in: the verbs wait for each other at the organization's row.
"""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from accounts import audit, keys, reach
from accounts.actor import Actor
from accounts.models import ApiKey, Membership, Organization, ProjectMembership
from accounts.roles import Permission, Role, allows


class LastOwner(ValidationError):
    """The change would leave the organization without an owner."""

    def __init__(self) -> None:
        super().__init__(gettext("This is the only owner. Make someone else an owner first."), code="last_owner")


# ---------------------------------------------------------------- what they are told


def mute_mails(membership: Membership, types: Iterable[str], by: Actor) -> Membership:
    """From now on the member gets no e-mail of these types of messages from the organization, and of all others."""
    muted = sorted(set(types))
    with transaction.atomic():
        membership = Membership.objects.select_for_update(of=("self",)).get(pk=membership.pk)
        if membership.muted_mails != muted:
            changes = {"muted": [membership.muted_mails, muted]}
            membership.muted_mails = muted
            membership.save(update_fields=["muted_mails"])
            audit.record("member.mails_chosen", membership, by, changes=changes)
        return membership


# ---------------------------------------------------------------- who may


def roles_to_give(role: str) -> list[Role]:
    """The roles that somebody with this role may give: only owners make owners."""
    if not allows(role, Permission.MANAGE_MEMBERS):
        return []
    return [one for one in Role if one != Role.OWNER or allows(role, Permission.MANAGE_OWNERS)]


def may_change(role: str, other: Membership) -> bool:
    """Whether somebody with this role may change or remove the other member: only owners do it to owners."""
    return other.role in roles_to_give(role)


def is_last_owner(membership: Membership) -> bool:
    """Whether nobody else could log in as an owner."""
    if membership.role != Role.OWNER:
        return False
    owners = Membership.objects.filter(organization_id=membership.organization_id, role=Role.OWNER)
    return not owners.filter(user__is_active=True).exclude(pk=membership.pk).exists()


# ---------------------------------------------------------------- own keys


def own_keys(membership: Membership) -> list[ApiKey]:
    """The member's own keys that are not revoked; a project's keys belong to nobody."""
    found = ApiKey.objects.visible().not_revoked().filter(organization_id=membership.organization_id)
    return list(found.filter(owner_id=membership.user_id))


def keys_beyond(membership: Membership, role: str, found: Iterable[ApiKey] | None = None) -> list[ApiKey]:
    """The member's own keys that somebody with that role could not make; they stop when the role is given."""
    as_if = Membership(organization_id=membership.organization_id, user_id=membership.user_id, role=role)
    return [key for key in (own_keys(membership) if found is None else found) if not reach.may_give(as_if, key.scopes)]


# ---------------------------------------------------------------- verbs


def _locked(membership: Membership) -> Membership:
    """The membership as it is now, behind the organization's lock; raises ValidationError when it is gone."""
    Organization.objects.select_for_update().get(pk=membership.organization_id)
    found = Membership.objects.select_related("organization", "user").filter(pk=membership.pk).first()
    if found is None:
        raise ValidationError(gettext("This person is no longer a member."), code="not_a_member")
    return found


def change_role(membership: Membership, role: str, by: Actor) -> int:
    """Another role, which holds for the next request; how many own keys beyond it were revoked."""
    if role not in Role.values:
        raise ValidationError({"role": gettext("Choose one of %(names)s.") % {"names": ", ".join(Role.values)}})
    with transaction.atomic():
        membership = _locked(membership)
        old = membership.role
        if role == old:
            return 0
        if is_last_owner(membership):
            raise LastOwner
        stopped = _give(membership, role, by)
        changes = {"member": membership.user.email, "role": [old, role], "keys_revoked": stopped}
        audit.record("member.role_changed", membership, by, changes=changes)
        return stopped


def _give(membership: Membership, role: str, by: Actor) -> int:
    stopped = keys_beyond(membership, role)
    for api_key in stopped:
        keys.revoke(api_key, by)
    membership.role = role
    membership.save(update_fields=["role"])
    return len(stopped)


def remove(membership: Membership, by: Actor) -> int:
    """End a membership with its work in projects; how many own keys were revoked. Raises LastOwner."""
    return _end(membership, by, "member.removed")


def leave(membership: Membership, by: Actor) -> int:
    """As `remove`, by one's own will."""
    return _end(membership, by, "member.left")


def _end(membership: Membership, by: Actor, action: str) -> int:
    with transaction.atomic():
        membership = _locked(membership)
        if is_last_owner(membership):
            raise LastOwner
        stopped = own_keys(membership)
        for api_key in stopped:
            keys.revoke(api_key, by)
        ProjectMembership.objects.filter(
            project__organization_id=membership.organization_id, user_id=membership.user_id
        ).delete()
        changes = {"member": membership.user.email, "role": membership.role, "keys_revoked": len(stopped)}
        audit.record(action, membership, by, changes=changes)
        membership.delete()
        return len(stopped)


def transfer(owner: Membership, to: Membership, by: Actor) -> None:
    """Make another member an owner and the present one an admin, both or neither."""
    with transaction.atomic():
        owner, to = _locked(owner), _locked(to)
        if owner.role != Role.OWNER or owner.organization_id != to.organization_id or owner.pk == to.pk:
            raise ValidationError(gettext("An owner hands over to another member of the same organization."))
        if not to.user.is_active:
            raise ValidationError(gettext("This account is closed."), code="closed")
        _give(to, Role.OWNER, by)
        _give(owner, Role.ADMIN, by)
        changes = {"member": to.user.email, "was": owner.user.email}
        audit.record(
            "organization.transferred", owner.organization, by, organization=owner.organization, changes=changes
        )
