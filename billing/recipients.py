"""Who is told: the one place that says to whom a message goes."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress

from accounts.models import Membership, Organization
from accounts.roles import Permission, Role, allows
from billing.models import WebhookEndpoint

# Owners, admins and billing members: who may change the limit that the message is about.
ROLES = tuple(role for role in Role if allows(role, Permission.MANAGE_MONEY))


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    language: str


def by_email(organization: Organization, type_: str) -> list[Recipient]:
    """The members who are told of this type by e-mail: active, of these roles, their address verified, not muted."""
    memberships = Membership.objects.filter(organization=organization, role__in=ROLES)
    wanting = [user for user, muted in memberships.values_list("user", "muted_mails") if type_ not in muted]
    found = EmailAddress.objects.filter(
        user__in=wanting,
        user__is_active=True,
        verified=True,
        primary=True,
    )
    return [Recipient(row.email, row.user.language) for row in found.select_related("user").order_by("pk")]


def by_webhook(organization: Organization, type_: str) -> list[WebhookEndpoint]:
    """The enabled endpoints that asked for messages of this type."""
    enabled = WebhookEndpoint.objects.enabled().filter(organization=organization)
    return [endpoint for endpoint in enabled if endpoint.wants(type_)]
