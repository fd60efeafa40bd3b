"""A house that has been lived in: an organization with usage and one of everything, an empty one, and who sees what."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounts import invitations, keys, organizations, presets, projects
from accounts.actor import Actor
from accounts.keys import Restrictions
from accounts.models import ApiKey, Membership, Organization, Project, User
from accounts.roles import Role, Scope
from billing import codes, demo_history, demo_organization, exports, limits, webhooks
from billing.exports import Target
from billing.limits import Terms
from billing.models import ExportContent, ExportFile, ExportState, ScheduledExport
from foundation.money import NANO
from tests.dashboard.console import aside
from tests.databases import Template, using
from tests.people import PASSWORD, house, person
from tests.running import RunningServer

DAYS = 4
# Names as long as they may be, of the widest letters.
LONG = "Quarterly-reporting-" + "W" * 44
MODEL = "deepseek-chat"


@dataclass
class Furnished:
    """The running server, a session for each person, and what addresses need."""

    server: RunningServer
    sessions: dict[str, str]
    names: dict[str, str]

    def cookies(self, who: str) -> list[Any]:
        """What the browser of this person sends; nobody's is empty."""
        return [{"name": "sessionid", "value": self.sessions[who], "url": self.server.url}] if who else []

    def path(self, pattern: str) -> str:
        """An address with this house's ids in it."""
        return pattern.format(**self.names)


@contextmanager
def furnished(template: Template, folder: Path, blocker: DjangoDbBlocker) -> Iterator[Furnished]:
    """Everything is there before the server starts, except what only requests can make."""
    url = template.copy()
    own = {name: getattr(settings, name) for name in ("SECRET_KEY", "KEY_PEPPER", "ENCRYPTION_KEY")}

    def prepare() -> tuple[dict[str, str], dict[str, str], list[str]]:
        with blocker.unblock(), using(url):
            names, secrets = _furnish()
            # As the server hashes them: a log-in that had to hash anew would end this person's other sessions.
            hasher = Argon2PasswordHasher()
            User.objects.update(password=hasher.encode(PASSWORD, hasher.salt()))
            return names, {user.email.partition("@")[0]: _session(user) for user in User.objects.all()}, secrets

    names, sessions, secrets = aside(prepare)
    server = RunningServer(folder / "furnished", url, extra=own)
    server.start(timeout=240)
    try:
        names["request"] = _ask(server, secrets)
        yield Furnished(server, sessions, names)
    finally:
        server.end()
        template.drop(url)
        shutil.rmtree(folder / "furnished", ignore_errors=True)


def _furnish() -> tuple[dict[str, str], list[str]]:
    """Ids by the names that addresses use, and the secrets of two keys: one may spend, one may not."""
    demo_history.make(PASSWORD, lambda _done, _of: None, days=DAYS)
    names, secrets = _of_ana()
    noah = house("Noah")
    names["noah_project"] = noah.project.public_id
    nina = house("Nina", plan="free", confirmed=False)
    EmailAddress.objects.create(user=nina.owner, email=nina.owner.email, primary=True)
    names["confirm"] = EmailConfirmationHMAC(nina.owner.emailaddress_set.get()).key
    names["reset"] = f"{user_pk_to_url_str(nina.owner)}-{default_token_generator.make_token(nina.owner)}"
    person("Wanda")
    paul = house("Paul")
    Organization.objects.filter(pk=paul.organization.pk).update(requires_two_factor=True)
    otto = house("Otto")
    User.objects.filter(pk=otto.owner.pk).update(is_staff=True, is_superuser=True)
    vera = house("Vera")
    Membership.objects.create(organization=otto.organization, user=vera.owner, role=Role.ADMIN)
    names |= {"vera_house": vera.organization.public_id, "otto_house": otto.organization.public_id}
    return names, secrets


def _of_ana() -> tuple[dict[str, str], list[str]]:
    northwind = Organization.objects.get(name=demo_organization.NAME)
    ana, mei, tom = (User.objects.get(email=f"{name}@northwind.example") for name in ("ana", "mei", "tom"))
    by = Actor(ana)
    storefront = northwind.projects.get(name=demo_organization.DEFAULT_PROJECT)
    wide = projects.create(northwind, LONG, by)
    archived = projects.archive(projects.create(northwind, "Last year", by), by)
    organizations.let_keys_be_copied(northwind, True, by)
    everything = Restrictions((Scope.CHAT, Scope.USAGE), (MODEL,), ("203.0.113.0/24", "2001:db8::/32"), 60)
    long_key = keys.create(wide, LONG, by, restrictions=everything).api_key
    limited, spender = keys.create(storefront, "at-its-limit", by), keys.create(storefront, "first-steps", by)
    limits.set_limit(limited.api_key, Terms("usd", 0, "month", True, (50, 80, 100)), by)
    limit = limits.set_limit(northwind, Terms("usd", 40 * NANO, "month", True, (50, 80, 100)), by)
    limits.set_limit(wide, Terms("tokens", 5_000_000, "day", False, (100,)), by)
    disabled = keys.create(storefront, "nightly-report", by).api_key
    keys.disable(disabled, by)
    renewed = keys.create(storefront, "renewed", by).api_key
    keys.regenerate(renewed, by, grace=timedelta(hours=24))
    endpoint = webhooks.create_endpoint(
        northwind, "https://hooks.example.com/meterhouse", by, description="Pager of the shop"
    ).endpoint
    export = _exported(northwind, by)
    codes.redeem(northwind, codes.create(codes.Terms(5 * NANO, valid_days=90)).text, by)
    invited = invitations.invite(northwind, f"{'w' * 50}@a-rather-long-domain-name.example.com", Role.DEVELOPER, by)
    tom_invited = invitations.invite(northwind, "wanda@example.com", Role.BILLING, by)
    invitations.invite(northwind, "noah@example.com", Role.VIEWER, by)
    content = presets.Content("Support answers", "Short and polite", MODEL, {"temperature": 0.2, "system": "Be brief."})
    presets.create(northwind, content, by, project=storefront)
    TOTP.activate(mei, generate_totp_secret())
    RecoveryCodes.activate(mei)
    passkey = Authenticator.objects.create(
        user=tom, type=Authenticator.Type.WEBAUTHN, data={"name": "Laptop", "credential": {}}
    )
    names = {
        "key": ApiKey.objects.get(name="production-web").public_id,
        "long_key": long_key.public_id,
        "revealable_key": spender.api_key.public_id,
        "disabled_key": disabled.public_id,
        "renewed_key": renewed.public_id,
        "revoked_key": ApiKey.objects.get(name="old-agent").public_id,
        "project": storefront.public_id,
        "long_project": wide.public_id,
        "archived_project": archived.public_id,
        "sandbox": Project.objects.get(name="Sandbox").public_id,
        "limit": limit.public_id,
        "endpoint": endpoint.public_id,
        "export": export.public_id,
        "user": tom.public_id,
        "invitation": tom_invited.secret,
        "new_invitation": invited.secret,
        "passkey": str(passkey.pk),
    }
    return names, [spender.secret, limited.secret]


def _exported(organization: Organization, by: Actor) -> ScheduledExport:
    """A file of each state."""
    target = Target(
        "northwind-books",
        "eu-central-1",
        "https://s3.invalid",
        LONG,
        access_key_id="AKIAEXAMPLE",
        secret_access_key="x",
    )
    export = exports.to_bucket(organization, target, by)
    # Before anything happened: such a day does not change.
    day, zone = export.next_day - timedelta(days=40), organization.time_zone
    files = [ExportFile(export=export, content=what, day=day, time_zone=zone) for what in ExportContent.values]
    files[0].state, files[0].version, files[0].rows, files[0].size = ExportState.DONE, 2, 1_234, 56_789
    files[0].finished_at = timezone.now()
    files[1].last_error = "The bucket answered 403: AccessDenied"
    # Nothing of it is sent: who claimed them does not come back.
    for file in files[1:]:
        file.claimed_until = timezone.now() + timedelta(days=1)
    ExportFile.objects.bulk_create(files)
    return export


def _ask(server: RunningServer, secrets: list[str]) -> str:
    """A refusal for money, one for what was asked, and an answer; the id of that request."""
    for secret, model in ((secrets[1], MODEL), (secrets[0], "no-such-model"), (secrets[0], MODEL)):
        body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}]}
        headers = {"authorization": f"Bearer {secret}"}
        answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-request-id"]


def _session(user: User) -> str:
    """A session as after a log-in with the password, a moment ago."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    # In an hour, so that a slow run is not asked for the password in the middle of it.
    store["account_authentication_methods_user"] = str(user.pk)
    just_now = {"method": "password", "at": time.time() + 3600, "email": user.email, "reauthenticated": True}
    store["account_authentication_methods"] = [just_now]
    store.create()
    return str(store.session_key)
