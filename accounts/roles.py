"""The one role -> permission table, and the scopes of keys."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    DEVELOPER = "developer", _("Developer")
    BILLING = "billing", _("Billing")
    VIEWER = "viewer", _("Viewer")


class Permission(models.TextChoices):
    SEE_USAGE = "see_usage", _("See the usage of every project")
    SEE_OWN_USAGE = "see_own_usage", _("See the usage of own projects")
    SEE_MONEY = "see_money", _("See balance and cost")
    MANAGE_MONEY = "manage_money", _("Change limits, credit and plan")
    SEE_KEYS = "see_keys", _("See keys")
    MANAGE_OWN_KEYS = "manage_own_keys", _("Manage own and project keys")
    MANAGE_KEYS = "manage_keys", _("Manage every key")
    REPORT_USAGE = "report_usage", _("Report usage from elsewhere")
    USE_PLAYGROUND = "use_playground", _("Use the playground")
    MANAGE_PROJECTS = "manage_projects", _("Manage projects")
    MANAGE_MEMBERS = "manage_members", _("Manage members")
    MANAGE_OWNERS = "manage_owners", _("Make and remove owners")
    MANAGE_ORGANIZATION = "manage_organization", _("Change the organization's settings")
    DELETE_ORGANIZATION = "delete_organization", _("Delete the organization")


P = Permission
_ADMIN = frozenset(P) - {P.MANAGE_OWNERS, P.DELETE_ORGANIZATION}

PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(P),
    Role.ADMIN: _ADMIN,
    Role.DEVELOPER: frozenset({P.SEE_OWN_USAGE, P.SEE_MONEY, P.SEE_KEYS, P.MANAGE_OWN_KEYS, P.USE_PLAYGROUND}),
    Role.BILLING: frozenset({P.SEE_USAGE, P.SEE_OWN_USAGE, P.SEE_MONEY, P.MANAGE_MONEY}),
    Role.VIEWER: frozenset({P.SEE_USAGE, P.SEE_OWN_USAGE, P.SEE_KEYS}),
}


def allows(role: str, permission: Permission) -> bool:
    """Whether a member with this role has the permission."""
    return permission in PERMISSIONS.get(role, frozenset())


class Scope(models.TextChoices):
    CHAT = "chat", _("Chat completions")
    USAGE = "usage", _("Read usage")
    MANAGEMENT = "management", _("Management API")
    INGEST = "ingest", _("Report usage from elsewhere")


# A key that manages must not be able to spend, and the other way round.
EXCLUSIVE_SCOPES = (Scope.CHAT, Scope.MANAGEMENT)
