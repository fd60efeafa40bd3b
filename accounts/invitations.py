"""Invite people by e-mail. The link's secret is stored as a keyed hash, works once, for seven days.

Only the mail carries the secret: who opens the link has shown that the address is theirs, which confirms it.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit, members, organizations, policies
from accounts.actor import Actor
from accounts.models import AuditEntry, Invitation, Membership, Organization, Project, ProjectMembership, User
from accounts.roles import Role

LASTS = timedelta(days=7)
MOST_A_DAY = 100
RESEND_AFTER = timedelta(seconds=60)
_SENT = ("invitation.sent", "invitation.resent")


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation and its link's secret in the clear: mail it, show it nowhere."""

    invitation: Invitation
    secret: str


class NotValid(ValidationError):
    """The link does not work any more; `code` is used, expired or withdrawn."""


def _fingerprint(secret: str) -> str:
    return hmac.digest(settings.KEY_PEPPER.encode(), f"invitation:{secret}".encode(), "sha256").hex()


def normal(email: str) -> str:
    """The address in the one form that is stored and compared; raises ValidationError."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise ValidationError(
            gettext("“%(email)s” is not an e-mail address.") % {"email": email[:100]}, code="invalid"
        ) from error
    return email


def holder(email: str) -> User | None:
    """Whose account the address belongs to: confirmed for it, or its log-in."""
    confirmed = EmailAddress.objects.select_related("user").filter(email__iexact=email, verified=True).first()
    return confirmed.user if confirmed else User.objects.filter(email__iexact=email).first()


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the invitation was sent to one of the person's addresses, in any case of letters."""
    if user.email.lower() == invitation.email.lower():
        return True
    return EmailAddress.objects.filter(user=user, email__iexact=invitation.email).exists()


# ---------------------------------------------------------------- sending


def invite(
    organization: Organization,
    email: str,
    role: str,
    by: Actor,
    *,
    projects: Iterable[Project] = (),
    sender: User | None = None,
) -> Invited:
    """A new invitation; raises ValidationError when the address is wrong, a member or invited already.

    `sender` stands for it where a script invites: see `check`.
    """
    email = normal(email)
    if role not in Role.values:
        raise ValidationError({"role": gettext("Choose one of %(names)s.") % {"names": ", ".join(Role.values)}})
    if not organization.is_confirmed:
        raise ValidationError(
            gettext("Confirm your e-mail address first: invitations wait for it."), code="email_unconfirmed"
        )
    if not policies.takes(organization, email):
        said = f"{email}: {policies.refusal(organization)}"
        raise ValidationError({"email": ValidationError(said, code="domain_not_allowed")})
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    try:
        with transaction.atomic():
            Organization.objects.select_for_update().get(pk=organization.pk)
            known = holder(email)
            if known and organization.memberships.filter(user=known).exists():
                raise ValidationError(
                    gettext("%(email)s is a member already.") % {"email": email}, code="member_already"
                )
            _check_pace(organization, now)
            organization.invitations.filter(email__iexact=email, accepted_at=None, expires_at__lte=now).delete()
            invitation = Invitation.objects.create(
                organization=organization,
                email=email,
                role=role,
                fingerprint=_fingerprint(secret),
                invited_by=by.user or sender,
                created_at=now,
                sent_at=now,
                expires_at=now + LASTS,
            )
            chosen = [project for project in projects if project.organization_id == organization.pk]
            invitation.projects.set(chosen if role == Role.DEVELOPER else [])
            audit.record("invitation.sent", invitation, by, changes={"member": email, "role": role})
            return Invited(invitation, secret)
    except IntegrityError as error:
        raise ValidationError(
            gettext("%(email)s is invited already. Send that invitation again.") % {"email": email},
            code="invited_already",
        ) from error


def _check_pace(organization: Organization, now: datetime) -> None:
    """Nobody sends mail to strangers without end; the audit log counts."""
    sent = AuditEntry.objects.filter(organization=organization, action__in=_SENT, at__gt=now - timedelta(days=1))
    if sent.count() >= MOST_A_DAY:
        raise ValidationError(
            gettext("An organization sends at most %(most)d invitations a day.") % {"most": MOST_A_DAY},
            code="too_many_invitations",
        )


def _locked(invitation: Invitation) -> Invitation:
    found = (
        Invitation.objects.select_for_update(of=("self",))
        .select_related("organization", "invited_by")
        .filter(pk=invitation.pk)
        .first()
    )
    if found is None:
        raise NotValid(gettext("This invitation was withdrawn. Ask for a new one."), code="withdrawn")
    if found.accepted_at:
        raise NotValid(gettext("This invitation was used already."), code="used")
    return found


def resend(invitation: Invitation, by: Actor, *, sender: User | None = None) -> Invited:
    """A new link for seven days, from now on sent by who asks; the old link stops working."""
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        invitation = _locked(invitation)
        if invitation.sent_at > now - RESEND_AFTER:
            raise ValidationError(gettext("This invitation was sent a moment ago. Wait a minute."), code="too_soon")
        _check_pace(invitation.organization, now)
        invitation.fingerprint = _fingerprint(secret)
        invitation.invited_by = by.user or sender
        invitation.sent_at = now
        invitation.expires_at = now + LASTS
        invitation.save()
        audit.record("invitation.resent", invitation, by, changes={"member": invitation.email})
        return Invited(invitation, secret)


def withdraw(invitation: Invitation, by: Actor) -> None:
    """Take the invitation back: its link stops working."""
    with transaction.atomic():
        invitation = _locked(invitation)
        changes = {"member": invitation.email, "role": invitation.role}
        audit.record("invitation.withdrawn", invitation, by, changes=changes)
        invitation.delete()


# ---------------------------------------------------------------- accepting


def find(secret: str) -> Invitation | None:
    """The invitation of a link, whether it still works or not."""
    found = Invitation.objects.select_related("organization", "invited_by")
    return found.filter(fingerprint=_fingerprint(secret)).first()


def check(invitation: Invitation, now: datetime | None = None) -> None:
    """Raise NotValid when the link does not work any more.

    An invitation is worth what its sender may do: who lost the right to give the role cannot bring somebody in.
    """
    if invitation.accepted_at:
        raise NotValid(gettext("This invitation was used already."), code="used")
    if invitation.is_expired(now):
        raise NotValid(gettext("This invitation has expired. Ask for a new one."), code="expired")
    if not policies.takes(invitation.organization, invitation.email):
        raise NotValid(policies.refusal(invitation.organization), code="domain_not_allowed")
    sender = invitation.organization.memberships.filter(user=invitation.invited_by, user__is_active=True).first()
    if sender is None or invitation.role not in members.roles_to_give(sender.role):
        message = gettext("Who sent this invitation may no longer invite you. Ask for a new one.")
        raise NotValid(message, code="withdrawn")


def accept(invitation: Invitation, user: User, by: Actor) -> Membership:
    """Make the person a member and their address confirmed; raises NotValid. Who is a member keeps their role."""
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=invitation.organization_id)
        invitation = _locked(invitation)
        check(invitation)
        if not is_for(invitation, user):
            raise ValidationError(
                gettext("This invitation is for %(email)s.") % {"email": invitation.email}, code="other_address"
            )
        _confirm(user, invitation.email)
        membership, joined = Membership.objects.get_or_create(
            organization=invitation.organization, user=user, defaults={"role": invitation.role}
        )
        if joined:
            for project in invitation.projects.filter(archived_at=None):
                ProjectMembership.objects.get_or_create(project=project, user=user)
            audit.record("member.joined", membership, by, changes={"member": user.email, "role": membership.role})
        invitation.accepted_at = timezone.now()
        invitation.save(update_fields=["accepted_at"])
        return membership


def _confirm(user: User, email: str) -> None:
    """The address is the person's: they opened a link that only its mailbox had."""
    address = EmailAddress.objects.filter(user=user, email__iexact=email).first()
    if address is None:
        first = not EmailAddress.objects.filter(user=user, primary=True).exists()
        address = EmailAddress.objects.create(user=user, email=email.lower(), primary=first)
    if not address.verified and address.set_verified():
        organizations.mark_confirmed(user)


def open_account(invitation: Invitation, name: str, password: str, time_zone: str, address: str = "") -> Membership:
    """A new account for who was invited, a member at once; raises ValidationError when the address has one."""
    check(invitation)
    user = User(email=User.objects.normalize_email(invitation.email), name=name, time_zone=time_zone)
    # Hashing takes long: it must not hold the database's lock.
    user.set_password(password)
    try:
        with transaction.atomic():
            if holder(invitation.email):
                raise ValidationError(
                    gettext("An account has this address already. Log in to join."), code="account_exists"
                )
            user.save()
            EmailAddress.objects.create(user=user, email=user.email.lower(), primary=True)
            return accept(invitation, user, Actor(user, address=address))
    except IntegrityError as error:
        raise ValidationError(
            gettext("An account has this address already. Log in to join."), code="account_exists"
        ) from error
