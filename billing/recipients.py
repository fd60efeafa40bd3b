"""Who is told: the one place that says to whom a message goes."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db.models import Q

from accounts.models import ApiKey, Membership, Organization
from accounts.roles import Permission, Role, allows
from billing.models import EventType, OutboxMessage, WebhookEndpoint

# Owners, admins and billing members: who may change the limit that the message is about.
ROLES = tuple(role for role in Role if allows(role, Permission.MANAGE_MONEY))
# About one key: owners are told, and who created it.
ABOUT_KEYS = (EventType.KEY_CREATED, EventType.KEY_REGENERATED, EventType.KEY_REVOKED)


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    language: str


def may_be_told(role: str, type_: str) -> bool:
    """Whether a member with this role can get mails of this type, and so chooses."""
    return allows(role, Permission.MANAGE_OWN_KEYS) if type_ in ABOUT_KEYS else role in ROLES


def by_email(message: OutboxMessage) -> list[Recipient]:
    """Who is told by e-mail: active members whom it concerns, their address verified, not muted."""
    organization = message.organization
    if message.type not in ABOUT_KEYS:
        return of_limits(organization, message.type)
    key = ApiKey.objects.filter(organization=organization, public_id=message.payload["id"])
    return _wanting(organization, message.type, Q(role=Role.OWNER) | Q(user__in=key.values("created_by")))


def of_limits(organization: Organization, type_: str) -> list[Recipient]:
    """Who is told of limits, credit, providers and webhooks."""
    return _wanting(organization, type_, Q(role__in=ROLES))


def by_webhook(organization: Organization, type_: str) -> list[WebhookEndpoint]:
    """The enabled endpoints that asked for messages of this type."""
    enabled = WebhookEndpoint.objects.enabled().filter(organization=organization)
    return [endpoint for endpoint in enabled if endpoint.wants(type_)]


def _wanting(organization: Organization, type_: str, concerned: Q) -> list[Recipient]:
    memberships = Membership.objects.filter(concerned, organization=organization)
    wanting = [user for user, muted in memberships.values_list("user", "muted_mails") if type_ not in muted]
    found = EmailAddress.objects.filter(
        user__in=wanting,
        user__is_active=True,
        verified=True,
        primary=True,
    )
    return [Recipient(row.email, row.user.language) for row in found.select_related("user").order_by("pk")]
