"""The tables of accounts, one noun a file."""

from accounts.models.account_deletion import AccountDeletion
from accounts.models.api_key import ApiKey, ApiKeySecret
from accounts.models.audit import AuditEntry
from accounts.models.idempotency import IdempotentRequest
from accounts.models.membership import Invitation, Membership
from accounts.models.organization import Organization
from accounts.models.preset import Preset
from accounts.models.project import Project, ProjectMembership
from accounts.models.user import User

__all__ = [
    "AccountDeletion",
    "ApiKey",
    "ApiKeySecret",
    "AuditEntry",
    "IdempotentRequest",
    "Invitation",
    "Membership",
    "Organization",
    "Preset",
    "Project",
    "ProjectMembership",
    "User",
]
