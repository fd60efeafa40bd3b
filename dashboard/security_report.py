"""What the Security page shows: second factors, sessions, and what was changed about the log-in."""

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import AuditEntry, User
from dashboard import devices

_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Passkey:
    """A key of the browser, a phone or a stick. `alone`: it logs in without the password."""

    authenticator: Authenticator
    name: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Factors:
    """How the person proves who they are, besides the password; codes are None when there are none."""

    app: Authenticator | None
    passkeys: Sequence[Passkey]
    codes_left: int | None

    @property
    def is_on(self) -> bool:
        return bool(self.app or self.passkeys)


@dataclass(frozen=True, slots=True)
class Session:
    """Somewhere the person is logged in."""

    session: UserSession
    device: str
    is_current: bool


def factors(user: User) -> Factors:
    """What is set up now."""
    app = codes = None
    passkeys = []
    for one in Authenticator.objects.filter(user=user).order_by("created_at", "pk"):
        if one.type == Authenticator.Type.TOTP:
            app = one
        elif one.type == Authenticator.Type.RECOVERY_CODES:
            codes = len(one.wrap().get_unused_codes())
        else:
            key = one.wrap()
            passkeys.append(Passkey(one, key.name, bool(key.is_passwordless)))
    return Factors(app, passkeys, codes)


def sessions(user: User, current_key: str | None) -> list[Session]:
    """Where the person is logged in; this one first, then the most recently used."""
    found = [
        Session(one, devices.name_of(one.user_agent), one.session_key == current_key)
        for one in UserSession.objects.purge_and_list(user)
    ]
    return sorted(found, key=lambda one: (not one.is_current, -one.session.last_seen_at.timestamp()))


def events(user: User) -> list[AuditEntry]:
    """The newest changes of the account, whoever made them."""
    found = AuditEntry.objects.select_related("actor").filter(object_type="User", object_id=user.public_id)
    return list(found[:_EVENTS])
