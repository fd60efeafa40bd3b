"""Keys for the conformance tests: prints only NAME=value lines; works beside the running server."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts import keys
from accounts.actor import SYSTEM
from accounts.keys import Issued, Restrictions
from accounts.models import ApiKey, Organization, Project, User
from accounts.roles import Scope
from billing import balances, grants, opening
from billing.models import Subscription
from catalog.models import Plan
from foundation.money import NANO, from_usd

OWNER_EMAIL = "conformance@meterhouse.localhost"
MAIN = "Conformance"
AMPLE = from_usd("1000000")
# At deepseek-chat's price: 12 calls of about ten tokens in and sixteen out, 65 of one token out.
LOW = from_usd("0.00025")


class Command(BaseCommand):
    help = "Issue fresh keys for the conformance tests, as NAME=value lines."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        opening.seed_if_empty()
        for name, secret in issue().items():
            self.stdout.write(f"{name}={secret}")


def issue() -> dict[str, str]:
    """Fresh secrets in the same named organizations at every call."""
    with transaction.atomic():
        main = _organization(MAIN, "enterprise", rpm=10_000_000, credit=AMPLE)
        found = {"API_KEY": _key(main, "api"), "READONLY_KEY": _key(main, "readonly", Scope.USAGE)}
        found["ADMIN_KEY"] = _key(main, "admin", Scope.MANAGEMENT)
        revoked = _issue(main, "revoked")
        keys.revoke(revoked.api_key)
        found["REVOKED_KEY"] = revoked.secret
        expired = _issue(main, "expired")
        ApiKey.objects.filter(pk=expired.api_key.pk).update(expires_at=timezone.now() - timedelta(days=1))
        found["EXPIRED_KEY"] = expired.secret
        found["NO_CREDIT_KEY"] = _key(_organization(f"{MAIN} no credit", "enterprise", rpm=10_000), "no-credit")
        found["FREE_KEY"] = _key(_organization(f"{MAIN} free", "free", credit=NANO), "free")
        low = _organization(f"{MAIN} low credit", "enterprise", rpm=10_000, credit=LOW)
        found["LOW_CREDIT_KEY"] = _key(low, "low-credit")
    return found


def _owner() -> User:
    user = User.objects.filter(email=OWNER_EMAIL).first()
    return user or User.objects.create_user(OWNER_EMAIL, None, name="Conformance")


def _organization(name: str, plan: str, *, rpm: int | None = None, credit: int = 0) -> Project:
    owner = _owner()
    organization = Organization.objects.filter(name=name, memberships__user=owner).first()
    if organization is None:
        organization = opening.open_organization(owner, name, plan=Plan.objects.get(code=plan))
        organization.confirmed_at = timezone.now()
        organization.save(update_fields=["confirmed_at"])
        Subscription.objects.filter(organization=organization).update(requests_per_minute=rpm)
    missing = credit - balances.balance(organization.pk).available
    if credit and missing > 0:
        grants.give(organization, missing, note="Conformance tests")
    return organization.projects.get(name="Default")


def _issue(project: Project, name: str, scope: str = Scope.CHAT) -> Issued:
    """A fresh key; the one that the last call made under this name is revoked."""
    for old in project.api_keys.not_revoked().filter(name=name):
        keys.revoke(old)
    return keys.create(project, name, SYSTEM, restrictions=Restrictions(scopes=(scope,)))


def _key(project: Project, name: str, scope: str = Scope.CHAT) -> str:
    return _issue(project, name, scope).secret
