"""Who may join an organization, and how its members must log in. Who is a member already stays one."""

import re

from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from accounts import audit
from accounts.actor import Actor
from accounts.models import Membership, Organization
from accounts.roles import Role

MOST_DOMAINS = 50
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def normal_domain(text: str) -> str:
    """The domain in the one form that is stored and compared; raises ValidationError."""
    name = _ascii(text.strip().lower().removeprefix("@").removesuffix("."))
    if not _DOMAIN.fullmatch(name):
        raise ValidationError(gettext("“%(text)s” is not a domain such as example.com.") % {"text": text.strip()[:100]})
    return name


def _ascii(name: str) -> str:
    """The name as the network has it; empty when it can be none."""
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return ""


def takes(organization: Organization, email: str) -> bool:
    """Whether somebody with this address may join. A domain does not speak for those below it."""
    domain = _ascii(email.rpartition("@")[2].lower())
    return not organization.allowed_domains or domain in organization.allowed_domains


def refusal(organization: Organization) -> str:
    """What to tell who may not join."""
    domains = ", ".join(organization.allowed_domains)
    return gettext("Only people with an address of %(domains)s may join %(name)s.") % {
        "domains": domains,
        "name": organization.name,
    }


def lacks_factor(membership: Membership) -> bool:
    """Whether the person must set up a second factor before they may work in the organization."""
    return membership.organization.requires_two_factor and not is_mfa_enabled(membership.user)


def change(organization: Organization, by: Actor, *, domains: list[str], requires_two_factor: bool) -> Organization:
    """Set both together; raises ValidationError. Who asks a second factor of others has one, or an owner where it is
    no person who asks: somebody must be able to come in afterwards.
    """
    errors: dict[str, str | ValidationError] = {}
    names: list[str] = []
    try:
        names = list(dict.fromkeys(normal_domain(one) for one in domains))
    except ValidationError as error:
        errors["allowed_domains"] = " ".join(error.messages)
    if len(names) > MOST_DOMAINS:
        errors["allowed_domains"] = gettext("At most %(most)d domains.") % {"most": MOST_DOMAINS}
    if requires_two_factor and not organization.requires_two_factor and (missing := _missing_factor(organization, by)):
        errors["requires_two_factor"] = ValidationError(missing, code="two_factor_missing")
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get(pk=organization.pk)
        before = {
            "allowed_domains": organization.allowed_domains,
            "requires_two_factor": organization.requires_two_factor,
        }
        after = {"allowed_domains": names, "requires_two_factor": requires_two_factor}
        changes = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
        if changes:
            organization.allowed_domains, organization.requires_two_factor = names, requires_two_factor
            organization.save(update_fields=list(after))
            audit.record("organization.access_changed", organization, by, organization=organization, changes=changes)
        return organization


def _missing_factor(organization: Organization, by: Actor) -> str:
    """Why nobody could come in if everybody needed a second factor now; empty when somebody can."""
    if by.user:
        if is_mfa_enabled(by.user):
            return ""
        return gettext("Set up two-factor log-in for yourself first, or you would be led out.")
    owners = organization.memberships.filter(role=Role.OWNER, user__is_active=True).select_related("user")
    if any(is_mfa_enabled(one.user) for one in owners):
        return ""
    return gettext("An owner must set up two-factor log-in first, or everybody would be led out.")
