"""Delete an account: ask, think it over for a week, then it is done. Every verb is one transaction.

What others rest on stays: usage, ledger and the record of changes, under an id that names nobody any more.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit, keys, members, organizations
from accounts.actor import SYSTEM, Actor
from accounts.models import AccountDeletion, ApiKey, Membership, Organization, Preset, User

logger = logging.getLogger(__name__)

GRACE = timedelta(days=7)


class LastOperator(ValidationError):
    """Nobody could look after the house any more."""

    def __init__(self) -> None:
        super().__init__(
            gettext("You are the only operator of this house. Make somebody else an operator first."),
            code="last_operator",
        )


@dataclass(frozen=True, slots=True)
class Consequences:
    """What the deletion does: `alone` are organizations with nobody else, `waits` those that forbid it."""

    alone: list[Organization]
    others: list[Organization]
    waits: list[Organization]
    keys: list[ApiKey]


def consequences(user: User) -> Consequences:
    """As things are now."""
    alone, others, waits = [], [], []
    for membership in _memberships(user):
        has_others = membership.organization.memberships.exclude(user=user).exists()
        if has_others and members.is_last_owner(membership):
            waits.append(membership.organization)
        elif has_others:
            others.append(membership.organization)
        else:
            alone.append(membership.organization)
    return Consequences(alone, others, waits, _own_keys(user))


def ask(user: User, by: Actor, now: datetime | None = None) -> AccountDeletion:
    """Stop the person's keys and organizations at once, and the account in a week; asking twice changes nothing.

    Raises LastOwner while somebody else rests on an organization that would have no owner, and LastOperator.
    """
    now = now or timezone.now()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if known := AccountDeletion.objects.filter(user=user).first():
            return known
        _must_not_be_the_last_operator(user)
        found = _locked_consequences(user)
        asked = AccountDeletion.objects.create(user=user, asked_at=now, ends_at=now + GRACE)
        for organization in found.alone:
            if not organization.is_suspended:
                organizations.suspend(organization, organizations.CLOSED, by)
                asked.suspended.add(organization)
        for api_key in found.keys:
            if api_key.disabled_at is None:
                keys.disable(api_key, by)
                asked.disabled.add(api_key)
        audit.record("user.deletion_asked", user, by)
        return asked


def keep(user: User, by: Actor) -> bool:
    """Bring back what `ask` stopped; False when it is too late, or nobody asked."""
    with transaction.atomic():
        asked = AccountDeletion.objects.select_for_update(of=("self",)).filter(user_id=user.pk).first()
        if asked is None:
            return False
        for organization in asked.suspended.filter(suspended_reason=organizations.CLOSED):
            organizations.restore(organization, by)
        for api_key in asked.disabled.filter(revoked_at=None):
            keys.enable(api_key, by)
        asked.delete()
        audit.record("user.kept", user, by)
        return True


def finish_due(now: datetime | None = None) -> int:
    """Delete the accounts whose week is over; how many. Any process may run it."""
    now = now or timezone.now()
    done = 0
    for user_id in list(AccountDeletion.objects.filter(ends_at__lte=now).values_list("user_id", flat=True)):
        try:
            done += _finish(user_id, now)
        except (members.LastOwner, LastOperator) as error:
            # Somebody joined meanwhile and rests on it: the account waits until there is another one.
            logger.warning("account %s waits to be deleted: %s", user_id, error.code)
    return done


def _finish(user_id: int, now: datetime) -> bool:
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        if not AccountDeletion.objects.filter(user=user, ends_at__lte=now).exists():
            return False
        _must_not_be_the_last_operator(user)
        found = _locked_consequences(user)
        # First, so that what is written down from here on does not name the person.
        _forget(user)
        for membership in _memberships(user):
            if membership.organization in found.alone:
                _close(membership)
            else:
                members.leave(membership, SYSTEM)
        audit.record("user.deleted", user, SYSTEM, changes={"organizations_closed": len(found.alone)})
        return True


def _locked_consequences(user: User) -> Consequences:
    """As they stay until the end of the transaction: nobody joins or leaves meanwhile. Raises LastOwner."""
    mine = Organization.objects.filter(memberships__user=user).order_by("pk").values_list("pk", flat=True)
    list(Organization.objects.select_for_update().filter(pk__in=list(mine)).order_by("pk"))
    found = consequences(user)
    if found.waits:
        raise members.LastOwner
    return found


def _must_not_be_the_last_operator(user: User) -> None:
    others = User.objects.filter(is_superuser=True, is_active=True, deletion=None).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise LastOperator


def _close(membership: Membership) -> None:
    """End an organization with nobody in it: it stays suspended, without a key."""
    for api_key in ApiKey.objects.visible().not_revoked().filter(organization=membership.organization):
        keys.revoke(api_key, SYSTEM)
    organizations.suspend(membership.organization, organizations.CLOSED, SYSTEM)
    membership.organization.invitations.all().delete()
    membership.delete()


def _forget(user: User) -> None:
    """Take away everything that says who it was, and every way in."""
    for session in UserSession.objects.filter(user=user):
        session.end()
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    Preset.objects.filter(owner=user).delete()
    AccountDeletion.objects.filter(user=user).delete()
    user.email = f"{user.public_id.lower()}@deleted.invalid"
    user.name, user.language, user.time_zone = "", "", "UTC"
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()


def _memberships(user: User) -> list[Membership]:
    return list(Membership.objects.filter(user=user).select_related("organization").order_by("pk"))


def _own_keys(user: User) -> list[ApiKey]:
    found = ApiKey.objects.visible().not_revoked().filter(owner=user)
    return list(found.select_related("project", "organization").order_by("pk"))
