"""Open the house and its customers: the first start, and every new organization with its plan."""

import secrets
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from accounts import keys, organizations
from accounts.actor import Actor
from accounts.models import Membership, Organization, User
from billing.models import Subscription
from catalog import providers, seed
from catalog.models import LanguageModel, Plan

FIRST_KEY_NAME = "first-key"
OPERATOR_EMAIL = "operator@meterhouse.localhost"


class NoDefaultPlan(RuntimeError):
    """The catalog has no plan for new organizations."""


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the operator must see once."""

    email: str
    password: str
    secret: str


def open_organization(user: User, name: str, *, plan: Plan | None = None) -> Organization:
    """A new organization on the default plan, owned by the user; credit waits for the confirmed e-mail address.

    Raises ValidationError when the name is none.
    """
    plan = plan or Plan.objects.filter(is_default=True).first()
    if plan is None:
        raise NoDefaultPlan("No plan is marked as default. Run `manage.py seed_catalog` or mark one in the admin.")
    with transaction.atomic():
        organization = organizations.found(user, name)
        Subscription.objects.create(organization=organization, plan=plan)
        return organization


def open_first_organization(user: User, name: str) -> Organization | None:
    """The same for somebody who belongs to none; None for a member of one. Sent twice together, it opens one."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if Membership.objects.filter(user=user).exists():
            return None
        return open_organization(user, name)


def seed_if_empty() -> list[str]:
    """Fill an empty catalog from the seed file; a catalog that somebody edited is left alone."""
    if LanguageModel.objects.exists() or Plan.objects.exists():
        return []
    return seed.seed(settings.CATALOG_FILE)


def route_demo(base_url: str) -> None:
    """Point the built-in demo provider at its listener; models that no other provider serves are routed to it."""
    with transaction.atomic():
        provider = providers.connect(providers.DEMO_NAME, base_url, is_demo=True)
        for model in LanguageModel.objects.on_sale():
            if not model.routes.exists():
                providers.serve(provider, providers.Serves(model.name, model.name))


def connect_from_environment() -> bool:
    """Connect the provider that UPSTREAM_BASE_URL names, once: it serves every model on sale under the same name."""
    if not settings.UPSTREAM_BASE_URL or LanguageModel.objects.filter(routes__provider__is_demo=False).exists():
        return False
    provider = providers.connect("upstream", settings.UPSTREAM_BASE_URL, settings.UPSTREAM_API_KEY)
    for model in LanguageModel.objects.on_sale():
        providers.serve(provider, providers.Serves(model.name, model.name))
    return True


def first_start() -> FirstStart | None:
    """The operator's account, organization and first key; None when the house has been opened before."""
    user_model = get_user_model()
    if user_model.objects.exists():
        return None
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user = user_model.objects.create_superuser(OPERATOR_EMAIL, password, name="Operator")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        organization = open_organization(user, "Meterhouse", plan=Plan.objects.filter(code="pro").first())
        Organization.objects.filter(pk=organization.pk).update(confirmed_at=timezone.now())
        organization.refresh_from_db()
        project = organization.projects.get()
        issued = keys.create(project, FIRST_KEY_NAME, Actor(user), owner=user)
    return FirstStart(user.email, password, issued.secret)
