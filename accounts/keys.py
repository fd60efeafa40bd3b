"""What one does with API keys. Every verb is one transaction and leaves an audit entry."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from accounts import audit, names
from accounts.actor import SYSTEM, Actor
from accounts.models import ApiKey, ApiKeySecret, Project, User
from accounts.roles import EXCLUSIVE_SCOPES, Scope
from foundation import sealing
from foundation.secrets import fingerprint, new_secret

GRACE_PERIODS = {
    "now": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
MOST_KEYS_A_PROJECT = 1_000
PLAYGROUND_NAME = "Playground"
IMPORTED_NAME = "Imported usage"
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A key and its secret in the clear: show it once, store it nowhere."""

    api_key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What a key may do. None of `allowed_models`: every model; no networks: every address."""

    scopes: tuple[str, ...] = (Scope.CHAT,)
    allowed_models: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    expires_at: datetime | None = None


def hash_of(secret: str) -> str:
    """The stored form of a secret: keyed hash, 64 hexadecimal digits."""
    return fingerprint(secret, settings.KEY_PEPPER.encode()).hex()


def check(restrictions: Restrictions, name: str | None = None, *, now: datetime | None = None) -> Restrictions:
    """The restrictions in normal form; raises ValidationError with a message per field."""
    errors: dict[str, str] = {}
    if name is not None and not (1 <= len(name.strip()) <= 64 and names.is_shown(name)):
        errors["name"] = gettext("Give the key a name of 1 to 64 characters that can be seen, on one line.")
    scopes = tuple(dict.fromkeys(restrictions.scopes))
    if not scopes or not set(scopes) <= set(Scope.values):
        errors["scopes"] = gettext("Choose at least one of %(names)s.") % {"names": ", ".join(Scope.values)}
    if set(EXCLUSIVE_SCOPES) <= set(scopes):
        errors["scopes"] = gettext("A key that manages cannot chat: make two keys.")
    networks = []
    for text in restrictions.allowed_networks:
        try:
            networks.append(str(ipaddress.ip_network(text.strip(), strict=False)))
        except ValueError:
            errors["allowed_networks"] = gettext("%(text)s is not an address or network such as 203.0.113.0/24.") % {
                "text": repr(text[:60])
            }
    rpm = restrictions.requests_per_minute
    if rpm is not None and not 1 <= rpm <= 10_000_000:
        errors["requests_per_minute"] = gettext("Requests per minute: a whole number from 1 to 10,000,000.")
    if restrictions.expires_at and restrictions.expires_at <= (now or timezone.now()):
        errors["expires_at"] = gettext("The expiry must be in the future.")
    if errors:
        raise ValidationError(errors)
    models = restrictions.allowed_models
    return Restrictions(
        scopes=scopes,
        allowed_models=None if models is None else tuple(dict.fromkeys(models)),
        allowed_networks=tuple(dict.fromkeys(networks)),
        requests_per_minute=rpm,
        expires_at=restrictions.expires_at,
    )


def _apply(api_key: ApiKey, restrictions: Restrictions) -> None:
    api_key.scopes = list(restrictions.scopes)
    api_key.allowed_models = None if restrictions.allowed_models is None else list(restrictions.allowed_models)
    api_key.allowed_networks = list(restrictions.allowed_networks)
    api_key.requests_per_minute = restrictions.requests_per_minute
    api_key.expires_at = restrictions.expires_at


def _issue(api_key: ApiKey, now: datetime) -> Issued:
    secret = new_secret()
    stored = ApiKeySecret(api_key=api_key, fingerprint=hash_of(secret), last_four=secret[-4:], created_at=now)
    if api_key.organization.keys_can_be_revealed:
        stored.sealed = sealing.seal(secret, settings.ENCRYPTION_KEY, f"api-key:{api_key.public_id}")
    stored.save()
    return Issued(api_key, secret)


def _name_taken(name: str) -> ValidationError:
    message = gettext("There is already a key named “%(name)s” in this project. Choose another name.") % {"name": name}
    return ValidationError({"name": ValidationError(message, code="name_taken")})


def create(
    project: Project,
    name: str,
    by: Actor,
    *,
    owner: User | None = None,
    restrictions: Restrictions | None = None,
    now: datetime | None = None,
) -> Issued:
    """A new key; raises ValidationError when the name is taken, a restriction is wrong or the e-mail unconfirmed.

    `now`: the moment of its creation, for an expiry that is counted from there.
    """
    now = now or timezone.now()
    name = name.strip()
    checked = check(restrictions or Restrictions(), name, now=now)
    if not project.organization.is_confirmed:
        raise ValidationError(gettext("Confirm your e-mail address first: keys wait for it."), code="email_unconfirmed")
    if project.archived_at:
        raise ValidationError(gettext("This project is archived; its keys are stopped."), code="project_archived")
    if project.api_keys.not_revoked().count() >= MOST_KEYS_A_PROJECT:
        message = gettext("A project has at most %(most)s keys. Revoke one first.") % {
            "most": f"{MOST_KEYS_A_PROJECT:,}"
        }
        raise ValidationError(message, code="too_many_keys")
    try:
        with transaction.atomic():
            api_key = ApiKey(
                organization=project.organization,
                project=project,
                owner=owner,
                created_by=by.user,
                name=name,
                created_at=now,
            )
            _apply(api_key, checked)
            api_key.save()
            issued = _issue(api_key, now)
            audit.record("key.created", api_key, by, changes=_facts(api_key), at=now)
            return issued
    except IntegrityError as error:
        raise _name_taken(name) from error


def playground_key(project: Project) -> ApiKey:
    """The project's built-in key for the playground: it has no secret and cannot be used from outside."""
    found = project.api_keys.filter(is_playground=True).first()
    if found:
        return found
    try:
        with transaction.atomic():
            return ApiKey.objects.create(
                organization=project.organization,
                project=project,
                name=PLAYGROUND_NAME,
                is_playground=True,
                scopes=[Scope.CHAT],
            )
    except IntegrityError:
        # Somebody made it at the same moment, or a person's key already has the name.
        existing = project.api_keys.filter(is_playground=True).first()
        if existing:
            return existing
        return ApiKey.objects.create(
            organization=project.organization,
            project=project,
            name=f"{PLAYGROUND_NAME} (built in)",
            is_playground=True,
            scopes=[Scope.CHAT],
        )


def imported_key(project: Project) -> ApiKey:
    """The project's key for usage that came from elsewhere and names no key; made when needed, without a secret."""
    live = project.api_keys.not_revoked().filter(name=IMPORTED_NAME)
    try:
        with transaction.atomic():
            return live.first() or ApiKey.objects.create(
                organization_id=project.organization_id, project=project, name=IMPORTED_NAME, scopes=[Scope.INGEST]
            )
    except IntegrityError:
        # Somebody made it at the same moment.
        return live.get()


def _facts(api_key: ApiKey) -> dict[str, Any]:
    return {
        "name": api_key.name,
        "scopes": api_key.scopes,
        "allowed_models": api_key.allowed_models,
        "allowed_networks": api_key.allowed_networks,
        "requests_per_minute": api_key.requests_per_minute,
        "expires_at": api_key.expires_at.isoformat() if api_key.expires_at else None,
    }


def _must_live(api_key: ApiKey) -> None:
    if api_key.is_playground:
        raise ValidationError(gettext("The playground's key is built in; it cannot be changed."), code="key_built_in")
    if api_key.revoked_at:
        raise ValidationError(
            gettext("This key is revoked; that cannot be undone. Create a new one."), code="key_revoked"
        )


def _locked(api_key: ApiKey) -> ApiKey:
    """The row as it is now; a writer that comes second waits on PostgreSQL and has the lock already on SQLite."""
    return ApiKey.objects.select_for_update(of=("self",)).select_related("organization", "project").get(pk=api_key.pk)


def regenerate(api_key: ApiKey, by: Actor, *, grace: timedelta = timedelta(0), replaces: int | None = None) -> Issued:
    """A new secret for the same key. The old one is refused by the next request, or after `grace`.

    With `replaces`, only while the secret with that id is the current one, so that asking twice regenerates once.
    """
    if grace not in GRACE_PERIODS.values():
        raise ValidationError({"grace": gettext("Grace is one of %(names)s.") % {"names": ", ".join(GRACE_PERIODS)}})
    with transaction.atomic():
        api_key = _locked(api_key)
        _must_live(api_key)
        current = api_key.current_secret()
        if replaces is not None and (current is None or current.pk != replaces):
            raise ValidationError(
                gettext("This key has been regenerated; its secret was shown once."), code="key_regenerated"
            )
        now = timezone.now()
        # A secret that was already retiring keeps the earlier end; the current one gets the grace period.
        api_key.secrets.filter(ends_at__gt=now + grace).update(ends_at=now + grace)
        api_key.secrets.filter(ends_at=None).update(ends_at=now + grace)
        if not grace:
            api_key.secrets.exclude(sealed="").update(sealed="")
        issued = _issue(api_key, now)
        # Whoever reads the entry counts the grace from its moment.
        changes = {"grace_seconds": int(grace.total_seconds())}
        audit.record("key.regenerated", api_key, by, changes=changes, at=now)
        return issued


def stop_old_secret(api_key: ApiKey, by: Actor) -> None:
    """End a grace period now."""
    with transaction.atomic():
        api_key = _locked(api_key)
        now = timezone.now()
        if api_key.secrets.filter(ends_at__gt=now).update(ends_at=now, sealed=""):
            audit.record("key.old_secret_stopped", api_key, by, at=now)


def revoke(api_key: ApiKey, by: Actor = SYSTEM) -> ApiKey:
    """Stop the key for good; doing it twice changes nothing."""
    with transaction.atomic():
        api_key = _locked(api_key)
        if api_key.is_playground:
            _must_live(api_key)
        if api_key.revoked_at is None:
            api_key.revoked_at = timezone.now()
            api_key.save(update_fields=["revoked_at"])
            api_key.secrets.exclude(sealed="").update(sealed="")
            audit.record("key.revoked", api_key, by, at=api_key.revoked_at)
        return api_key


def _toggle(api_key: ApiKey, by: Actor, *, disabled: bool) -> ApiKey:
    with transaction.atomic():
        api_key = _locked(api_key)
        _must_live(api_key)
        if (api_key.disabled_at is not None) != disabled:
            api_key.disabled_at = timezone.now() if disabled else None
            api_key.save(update_fields=["disabled_at"])
            audit.record("key.disabled" if disabled else "key.enabled", api_key, by)
        return api_key


def disable(api_key: ApiKey, by: Actor) -> ApiKey:
    """Stop the key until it is enabled again."""
    return _toggle(api_key, by, disabled=True)


def enable(api_key: ApiKey, by: Actor) -> ApiKey:
    """Let a disabled key work again."""
    return _toggle(api_key, by, disabled=False)


def rename(api_key: ApiKey, name: str, by: Actor) -> ApiKey:
    """Another name; raises ValidationError when it is empty, too long or taken."""
    name = name.strip()
    check(Restrictions(), name)
    try:
        with transaction.atomic():
            api_key = _locked(api_key)
            _must_live(api_key)
            old, api_key.name = api_key.name, name
            if old != name:
                api_key.save(update_fields=["name"])
                audit.record("key.renamed", api_key, by, changes={"name": [old, name]})
            return api_key
    except IntegrityError as error:
        raise _name_taken(name) from error


def restrict(api_key: ApiKey, restrictions: Restrictions, by: Actor) -> ApiKey:
    """Set scopes, models, networks, requests per minute and expiry together."""
    checked = check(restrictions) if restrictions.expires_at != api_key.expires_at else _check_unchanged(restrictions)
    with transaction.atomic():
        api_key = _locked(api_key)
        _must_live(api_key)
        before = _facts(api_key)
        _apply(api_key, checked)
        after = _facts(api_key)
        changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        if changes:
            api_key.save()
            audit.record("key.restricted", api_key, by, changes=changes)
        return api_key


def _check_unchanged(restrictions: Restrictions) -> Restrictions:
    """Check all but the expiry: an expired key may be edited without touching its past expiry."""
    return check(restrictions, now=datetime.min.replace(tzinfo=timezone.get_default_timezone()))


def reveal(api_key: ApiKey, by: Actor) -> str:
    """The stored secret in the clear, where the organization allows it; the caller has asked for the password."""
    with transaction.atomic():
        api_key = _locked(api_key)
        _must_live(api_key)
        secret = api_key.current_secret()
        if not api_key.organization.keys_can_be_revealed:
            raise ValidationError(
                gettext("This organization does not allow copying existing keys. Regenerate the key instead.")
            )
        if secret is None or not secret.sealed:
            raise ValidationError(
                gettext("This key was made before copying was allowed. Regenerate it to get a secret to copy.")
            )
        text = sealing.unseal(secret.sealed, settings.ENCRYPTION_KEY, f"api-key:{api_key.public_id}")
        audit.record("key.revealed", api_key, by)
        return text


def note_uses(addresses: Mapping[int, str]) -> None:
    """These secrets were used just now, from these addresses; written once a minute, or when an address changes."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _NOTED_EVERY)
    # In one order, so that processes cannot deadlock.
    for secret_id, address in sorted(addresses.items()):
        found = ApiKeySecret.objects.filter(stale | ~Q(last_address=address), pk=secret_id)
        found.update(last_used_at=now, last_address=address[:64])
